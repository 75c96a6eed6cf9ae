/// Ends a step, or a validation, in its middle because the run was asked to stop. `TrainingRun` catches it; what was computed
/// of a step is dropped, and the step is done again whole when the run goes on.
package struct StopRequest: Error {
  /// One to throw.
  package init() {}

  /// Asks whether to stop.
  /// - Throws: `StopRequest` where the answer is yes.
  package static func check(_ shouldStop: () -> Bool) throws { if shouldStop() { throw StopRequest() } }
}
