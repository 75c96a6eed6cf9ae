import Foundation

/// Ctrl-C and SIGTERM as a question that long loops ask: the first signal sets a flag, so that a run can stop at a
/// clean place and leave nothing half-written; the second ends the process at once.
public enum Interruption {
  private static let received: UnsafeMutablePointer<sig_atomic_t> = {
    let flag = UnsafeMutablePointer<sig_atomic_t>.allocate(capacity: 1)
    flag.initialize(to: 0)
    return flag
  }()

  /// Starts listening; call it once, before the long work.
  public static func listen() {
    received.pointee = 0
    // Who started the program may have left them blocked, as the worker threads of a test runner do.
    var signals = sigset_t()
    sigemptyset(&signals)
    for number in [SIGINT, SIGTERM] { sigaddset(&signals, number) }
    pthread_sigmask(SIG_UNBLOCK, &signals, nil)
    for number in [SIGINT, SIGTERM] {
      signal(number) { number in
        Interruption.received.pointee = 1
        signal(number, SIG_DFL)
      }
    }
  }

  /// Whether a signal has come.
  public static var wasRequested: Bool { received.pointee != 0 }
}
