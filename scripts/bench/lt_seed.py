"""Seeds one torrent with libtorrent from COUNT sessions, each on a port of its own.

Usage: lt_seed.py TORRENT DIR COUNT [HOST]
Prints "ready PORT..." once every session is seeding; ends when its input ends.
"""

import sys

import libtorrent as lt
from lt_common import alerts, fast_session


def wait_for(session, kind):
    for alert in alerts(session):
        if isinstance(alert, kind):
            return alert
        if isinstance(alert, (lt.torrent_error_alert, lt.file_error_alert)):
            sys.exit(alert.message())


def seed(session, params):
    handle = session.add_torrent(params)
    wait_for(session, lt.torrent_finished_alert)
    return handle


def main():
    path, directory, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
    listen = f"{sys.argv[4] if len(sys.argv) > 4 else '127.0.0.1'}:0"
    info = lt.torrent_info(path)
    threads = 4 if count == 1 else 1
    files = info.num_files() + 100

    def params():
        made = lt.add_torrent_params()
        made.ti = info
        made.save_path = directory
        made.flags &= ~(lt.torrent_flags.auto_managed | lt.torrent_flags.paused)
        return made

    # The first one checks the data; the others start from what it found.
    sessions = [fast_session(listen, threads=threads, open_files=files)]
    first = seed(sessions[0], params())
    if count > 1:
        first.save_resume_data(lt.save_resume_flags_t.flush_disk_cache)
        resume = wait_for(sessions[0], lt.save_resume_data_alert).params
        saved = lt.write_resume_data_buf(resume)
        for _ in range(count - 1):
            session = fast_session(listen, threads=threads, open_files=files)
            again = lt.read_resume_data(saved)
            again.ti = info
            again.save_path = directory
            seed(session, again)
            sessions.append(session)
    print("ready", *[session.listen_port() for session in sessions], flush=True)
    sys.stdin.read()


main()
