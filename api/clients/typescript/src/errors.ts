/** What ended a connection, or became of one message. Its message says what to do, where that is not plain. */
export class WsproxyError extends Error {
  /** A code of the proxy, such as `TOPIC_NOT_FOUND`, or of this client: `CONNECTION_LOST`, `BUFFER_FULL`, `CLOSED`, `NO_TOKEN`. */
  declare readonly code: string;
  /** Whether to try again may help. */
  declare readonly retriable: boolean;
  /** The WebSocket's close code, where a connection ended. */
  declare readonly closeCode: number | undefined;
  /** Whether the message that was sent may have been written, or the record settled, all the same. */
  declare readonly unknownOutcome: boolean;

  /** @internal */
  constructor(code: string, message: string, retriable = false, closeCode?: number, unknownOutcome = false) {
    super(message);
    Object.assign(this, { name: "WsproxyError", code, retriable, closeCode, unknownOutcome });
  }
}

/** The error of an error frame. */
export interface Fault {
  code: string;
  message: string;
  retriable?: boolean;
}

const advice: Record<number, string> = { // behind a message
  1006: " Is the proxy there, and does it allow this origin?",
  4409: " Give each client and each tab a clientId of its own.",
};

export function fromFault({ code, message, retriable }: Fault, closeCode?: number): WsproxyError {
  return new WsproxyError(code, message + (advice[closeCode!] ?? ""), retriable, closeCode, code === "TIMEOUT");
}

/** The same error, for what was sent and may have had its effect. */
export function asUnknown(e: unknown): unknown {
  return e instanceof WsproxyError ? new WsproxyError(e.code, e.message, e.retriable, e.closeCode, true) : e;
}

/** Whether another connection would end like the one that ended with a code. A token is for the caller to judge. */
export function isInVain(closeCode: number): boolean {
  return [1002, 1007, 1008, 1009].includes(closeCode) || (closeCode >= 4400 && closeCode !== 4429);
}

export const closedError = (): WsproxyError => new WsproxyError("CLOSED", "It is closed");
