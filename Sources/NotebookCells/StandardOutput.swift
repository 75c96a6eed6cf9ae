// The C library declares `stdout` as a variable, though nobody changes it and the stream locks itself.
@preconcurrency import Glibc

/// The process's standard output, as the C library buffers it: Swift's `print` writes there too, so the order is kept.
enum StandardOutput {
  static func write(_ bytes: [UInt8]) {
    bytes.withUnsafeBytes { _ = fwrite($0.baseAddress, 1, $0.count, stdout) }
  }

  static func flush() { fflush(stdout) }

  /// From here on every line leaves the buffer when it ends.
  static func flushEveryLine() { setvbuf(stdout, nil, _IOLBF, 0) }
}
