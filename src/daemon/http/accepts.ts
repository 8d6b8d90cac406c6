/** Which codings of a body a client takes. */

/** Whether "accept-encoding" names it, without a weight of 0. */
export function takesCoding(headers: Headers, coding: "br" | "gzip"): boolean {
  return (headers.get("accept-encoding") ?? "").toLowerCase().split(",").some((each) => {
    const [name, weight = "q=1"] = each.split(";").map((part) => part.trim());
    return name === coding && !/^q=0(\.0*)?$/.test(weight);
  });
}
