/** Converts the system's error codes to ours, with messages that say what to do. */
import { FileError, type FileErrorCode, NetError, type NetErrorCode } from "../../util/errors.ts";

/** The system's code of a thrown value ("ENOENT"), or "" if it has none. */
export function errnoOf(error: unknown): string {
  const { code, name } = (error ?? {}) as { code?: unknown; name?: unknown };
  if (typeof code === "string") return code;
  // Deno's sandbox refuses with an error class instead of a code.
  return name === "NotCapable" || name === "PermissionDenied" ? "EACCES" : "";
}

/** An error like those of system calls, for faults that are found without a system call. */
export function systemError(code: string): Error & { code: string } {
  return Object.assign(new Error(code), { code });
}

const FILE_CODES: Record<string, [code: FileErrorCode, advice: string]> = {
  ENOSPC: ["disk-full", "the disk is full. Free some space, then start again"],
  EDQUOT: ["disk-full", "your disk quota is used up. Free some space, then start again"],
  EACCES: [
    "permission",
    "permission denied. Check the owner and permissions of the file and its folder",
  ],
  EPERM: ["permission", "the system does not allow it. Check the owner and attributes of the file"],
  ENOENT: ["not-found", "there is no such file or folder"],
  EMFILE: ["too-many-open", "too many files are open. Raise the limit (ulimit -n)"],
  ENFILE: ["too-many-open", "too many files are open on this system. Close some programs"],
  EISDIR: ["is-directory", "a folder has the name of a file. Move it away"],
  ENOTDIR: ["not-directory", "a file has the name of a folder. Move it away"],
  ELOOP: ["symlink", "the path is a symbolic link, and shoal does not follow links. Move it away"],
  EROFS: ["read-only", "the disk is mounted read-only. Choose another folder"],
  EEXIST: ["exists", "something with that name is already there"],
  ENOTEMPTY: ["exists", "the folder is not empty"],
  EFBIG: ["too-large", "the disk's format does not allow files this large. Choose another disk"],
  ENAMETOOLONG: ["bad-name", "the name is too long for this disk. Choose a shorter one"],
  EILSEQ: ["bad-name", "this disk cannot store that name. Choose another one"],
  EXDEV: ["other-disk", "the two paths are on different disks"],
  EBADF: ["io", "the file is not open for this"],
  EIO: ["io", "the disk reports a read or write error. Check its health"],
};

/** `action` is a verb as in "Cannot <action> <path>". A FileError is returned as it is. */
export function fileError(action: string, path: string, cause: unknown): FileError {
  if (cause instanceof FileError) return cause;
  const errno = errnoOf(cause);
  const [code, advice] = FILE_CODES[errno] ?? ["io", reasonOf(cause)];
  const reason = sandboxAdvice(cause) ?? advice;
  return new FileError(code, path, `Cannot ${action} ${path}: ${reason}`, { cause });
}

/** The flag that Deno's sandbox asks for; null for other errors. */
function sandboxAdvice(cause: unknown): string | null {
  if (!(cause instanceof Error) || cause.name !== "NotCapable") return null;
  const flag = /--allow-[a-z]+/.exec(cause.message)?.[0] ?? "-A";
  return `Deno's sandbox forbids it. Add ${flag} to the flags of "deno run"`;
}

const NET_CODES: Record<string, [code: NetErrorCode, reason: string]> = {
  ECONNREFUSED: ["refused", "the connection was refused"],
  ENOENT: ["refused", "there is no such socket"],
  EHOSTUNREACH: ["unreachable", "the host cannot be reached"],
  ENETUNREACH: ["unreachable", "the network cannot be reached"],
  EHOSTDOWN: ["unreachable", "the host is down"],
  ENETDOWN: ["unreachable", "the network is down"],
  EADDRNOTAVAIL: ["unreachable", "this machine has no such address"],
  EAFNOSUPPORT: ["unreachable", "this machine does not support this kind of address"],
  EINVAL: ["unreachable", "the system does not accept that address"],
  ETIMEDOUT: ["timeout", "no answer in time"],
  ECONNRESET: ["reset", "the other side reset the connection"],
  ECONNABORTED: ["reset", "the connection was aborted"],
  EPIPE: ["reset", "the other side had already closed the connection"],
  ECANCELED: ["closed", "the connection was closed"],
  ERR_SOCKET_CLOSED: ["closed", "the connection was closed"],
  ERR_STREAM_DESTROYED: ["closed", "the connection was closed"],
  EADDRINUSE: ["address-in-use", "another program uses that port"],
  EACCES: ["permission", "permission denied (ports below 1024 need special rights)"],
  EPERM: ["permission", "the system does not allow it"],
  ENOTFOUND: ["name-not-found", "the name is not known"],
  ENODATA: ["name-not-found", "the name has no address"],
  EAI_AGAIN: ["name-not-found", "the name server does not answer"],
  EAI_NONAME: ["name-not-found", "the name is not known"],
  EPROTO: ["tls", "the encrypted connection could not be set up"],
  DEPTH_ZERO_SELF_SIGNED_CERT: ["tls", "its certificate is self-signed"],
  SELF_SIGNED_CERT_IN_CHAIN: ["tls", "its certificate is self-signed"],
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: ["tls", "its certificate cannot be verified"],
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: ["tls", "its certificate's issuer is not known"],
};

/** `doing` starts the message: "Cannot connect to 1.2.3.4:6881". */
export function netError(doing: string, cause: unknown): NetError {
  if (cause instanceof NetError) return cause;
  const errno = errnoOf(cause);
  const known = NET_CODES[errno] ?? knownByPrefix(errno) ?? ["other", reasonOf(cause)];
  const reason = sandboxAdvice(cause) ?? known[1];
  return new NetError(known[0] as NetErrorCode, `${doing}: ${reason}`, { cause });
}

function knownByPrefix(errno: string): [NetErrorCode, string] | null {
  if (/^(ERR_TLS|ERR_SSL|CERT_|UNABLE_TO_)/.test(errno)) {
    return ["tls", `its certificate or encryption is not acceptable (${errno})`];
  }
  return errno.startsWith("HPE_")
    ? ["bad-response", `the answer is not proper HTTP (${errno})`]
    : null;
}

function reasonOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}
