/// What a survey found in an HDF5 file. None of it is trusted before it is checked against the file and what is expected.
struct HDF5Structure: Sendable {
  /// A value of an attribute.
  enum Attribute: Sendable {
    case text(String), integer(Int64)
  }

  /// The type of a dataset's elements.
  enum Element: Equatable, Sendable {
    case integer(byteCount: Int, isSigned: Bool), float(byteCount: Int), text, other
  }

  /// Where a dataset's bytes lie.
  enum Layout: Sendable {
    /// In one run; nil where nothing was ever written.
    case contiguous(address: UInt64, byteCount: UInt64)
    case chunked(HDF5ChunkTable)
    case other
  }

  /// A dataset.
  struct Dataset: Sendable {
    var element = Element.other
    var isLittleEndian = true
    var extent: [Int] = []
    /// Its attribute `crc32`.
    var sum: Int64?
    var layout = Layout.other
    var texts: TextColumn?
    var integers: [Int32]?
  }

  var attributes: [String: Attribute] = [:]
  var datasets: [String: Dataset] = [:]
}
