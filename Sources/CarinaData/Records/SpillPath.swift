import Foundation

/// Where files for state that does not fit in memory are opened: beside the output, as its disk needs the room anyway.
package struct SpillPath: Sendable {
  /// A name that nothing else has; each file takes it for a moment only, and only where there are no files without a
  /// name.
  let path: String

  init(_ path: String) { self.path = path }

  /// The system's directory for such files, where there is no output.
  package static var temporary: SpillPath { SpillPath(NSTemporaryDirectory() + "/carina-\(getpid()).spill") }
}
