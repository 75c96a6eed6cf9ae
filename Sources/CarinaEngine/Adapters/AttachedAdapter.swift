/// An adapter that stands beside the weights of a loaded model.
package struct AttachedAdapter {
  /// The adapter on disk.
  package let bundle: AdapterBundle
  /// What the comparison of the base with its own came to.
  package let agreement: String
}
