/**
 * The promises of the platform seam as cases: whatever implements `Platform` runs them all. A case
 * that cannot apply to an implementation is skipped by its title, with the reason.
 */
import {
  clockCases,
  hashCases,
  passwordCases,
  pieceHashCases,
  processCases,
  randomCases,
} from "./platform/basic_cases.ts";
import { datagramCases } from "./platform/datagram_cases.ts";
import { handleCases, pathCases } from "./platform/file_cases.ts";
import { identityCases } from "./platform/identity_cases.ts";
import { httpRequestCases, httpServeCases, httpStreamCases } from "./platform/http_cases.ts";
import { multicastCases } from "./platform/multicast_cases.ts";
import { programCases } from "./platform/program_cases.ts";
import { closeCases, connectCases, transferCases } from "./platform/socket_cases.ts";
import { streamCases } from "./platform/stream_cases.ts";
import { caseAdder, type Suite } from "./platform/subject.ts";

export function runPlatformCases(
  name: string,
  make: Suite["make"],
  skip: Suite["skip"] = {},
): void {
  const add = caseAdder({ name, make, skip });
  clockCases(add);
  randomCases(add);
  hashCases(add);
  passwordCases(add);
  pieceHashCases(add);
  processCases(add);
  connectCases(add);
  transferCases(add);
  closeCases(add);
  streamCases(add);
  datagramCases(add);
  multicastCases(add);
  httpRequestCases(add);
  httpStreamCases(add);
  httpServeCases(add);
  handleCases(add);
  pathCases(add);
  identityCases(add);
  programCases(add);
}
