"""What a libtorrent session tells, as it comes.

Not by session.wait_for_alert: it gives a pointer into the queue, which the network thread may move
while Python still looks at what kind of alert it is. About one download of fifty died of that.
"""

import os
import select


def alerts(session, seconds=None):
    """Every alert, for ever; or until none came for so many seconds."""
    reader, writer = os.pipe()
    os.set_blocking(reader, False)
    session.set_alert_fd(writer)
    try:
        while True:
            yield from session.pop_alerts()
            if not select.select([reader], [], [], seconds)[0]:
                return
            os.read(reader, 65536)
    finally:
        session.set_alert_fd(-1)
        os.close(reader)
        os.close(writer)
