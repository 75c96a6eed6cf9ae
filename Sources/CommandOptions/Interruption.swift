import Foundation
import Synchronization

/// Ctrl-C, SIGTERM and SIGHUP as a question that long loops ask: the first signal sets a flag, so that a run can stop at
/// a clean point and leave nothing half-written; a second Ctrl-C or SIGTERM ends the process at once.
public enum Interruption {
  // Without a lock, and therefore fit for a signal handler.
  private static let received = Atomic(false)

  /// Starts listening; call it once, before the long work.
  public static func listen() {
    received.store(false, ordering: .relaxed)
    // Who started the program may have left them blocked, as the worker threads of a test runner do.
    var signals = sigset_t()
    sigemptyset(&signals)
    for number in [SIGINT, SIGTERM, SIGHUP] { sigaddset(&signals, number) }
    pthread_sigmask(SIG_UNBLOCK, &signals, nil)
    for number in [SIGINT, SIGTERM] {
      signal(number) { number in
        Interruption.received.store(true, ordering: .relaxed)
        signal(number, SIG_DFL)
      }
    }
    // `nohup` has it ignored, and it stays so.
    if isIgnored(SIGHUP) { return }
    // A terminal that closes sends it more than once: from the shell and from the system.
    signal(SIGHUP) { _ in Interruption.received.store(true, ordering: .relaxed) }
  }

  private static func isIgnored(_ number: Int32) -> Bool {
    var action = sigaction()
    guard sigaction(number, nil, &action) == 0 else { return false }
    return unsafeBitCast(action.__sigaction_handler.sa_handler, to: Int.self)
      == unsafeBitCast(SIG_IGN, to: Int.self)
  }

  /// Whether a signal has come.
  public static var wasRequested: Bool { received.load(ordering: .relaxed) }
}
