import CHDF5
import CarinaRuntime
import Foundation

/// A growing dataset of bytes, one chunk a row.
final class HDF5Rows {
  private let dataset: HDF5Object
  private let rowShape: [Int]
  private let failure: CarinaError
  private(set) var count = 0

  init(dataset: HDF5Object, rowShape: [Int], failure: CarinaError) {
    self.dataset = dataset
    self.rowShape = rowShape
    self.failure = failure
  }

  /// Adds a row within the capacity.
  func append(_ values: [UInt8]) throws {
    precondition(values.count == rowShape.reduce(1, *))
    try HDF5.locked {
      var offset = [hsize_t](repeating: 0, count: rowShape.count + 1)
      offset[0] = hsize_t(count)
      guard carina_h5_write_chunk(dataset.id, &offset, values.count, values) >= 0 else { throw failure }
      count += 1
    }
  }

  /// Sets the extent to the rows that were added, and closes.
  func finish() throws {
    try HDF5.locked {
      var extent = ([count] + rowShape).map { hsize_t($0) }
      guard H5Dset_extent(dataset.id, &extent) >= 0 else { throw failure }
      try dataset.close(orThrow: failure)
    }
  }
}
