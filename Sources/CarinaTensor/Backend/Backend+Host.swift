/// What is true of a backend that computes with the processor, in the host's memory.
extension Backend {
  /// See `Backend`: the processor, of which records have lines of their own.
  package var deviceName: String? { nil }
  /// See `Backend`: an operation is done when its function returns.
  package func finish() {}
}
