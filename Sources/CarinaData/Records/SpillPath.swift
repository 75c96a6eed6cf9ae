import Foundation

/// Where state that does not fit in memory may wait: beside an output, on whose disk there has to be room anyway.
package struct SpillPath: Sendable {
  /// A name that nothing else has; each file takes it for a moment only, and only where there are no files without a name.
  let path: String

  init(_ path: String) { self.path = path }

  /// The system's directory for such files, where there is no output.
  package static var temporary: SpillPath { SpillPath(NSTemporaryDirectory() + "/carina-\(getpid()).spill") }
}
