/// What is asked of an HDF5 file when it is opened: nothing else of it is known afterwards.
package struct HDF5Request {
  /// What is wanted of a dataset beside its type, shape and layout.
  package enum Values: Int32 {
    /// Nothing: its bytes are read from where they lie.
    case none
    /// All texts of a list of texts of any length, which lie in heaps.
    case texts
    /// All values of a list of integers.
    case integers
  }

  /// Names of attributes of the root.
  package let attributes: [String]
  /// Paths of datasets.
  package let datasets: [(name: String, values: Values)]

  package init(attributes: [String], datasets: [(name: String, values: Values)]) {
    (self.attributes, self.datasets) = (attributes, datasets)
  }
}
