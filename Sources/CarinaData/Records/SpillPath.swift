import Foundation

/// Where state that does not fit in memory may wait: beside an output, on whose disk there has to be room anyway.
struct SpillPath: Sendable {
  /// A name that nothing else has; each file takes it for a moment only, and only where there are no files without a name.
  let path: String

  /// - Parameter path: as the property.
  init(_ path: String) { self.path = path }

  /// The system's directory for such files, where there is no output.
  static var temporary: SpillPath { SpillPath(NSTemporaryDirectory() + "/carina-\(getpid()).spill") }
}
