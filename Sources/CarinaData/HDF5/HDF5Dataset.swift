import CHDF5
import CarinaRuntime
import Foundation

/// An open dataset with its shape.
package final class HDF5Dataset: Sendable {
  let object: HDF5Object
  /// Extent of each dimension.
  package let extent: [Int]
  let isText: Bool
  let isInteger: Bool
  let isByte: Bool

  init(_ file: HDF5Object, name: String, path: String) throws {
    let broken = CarinaError(
      .badData, "the dataset \(name) is missing or unreadable", at: path,
      remedy: "It is damaged or was not made by preprocess; run preprocess again.")
    (object, extent, isText, isInteger, isByte) = try HDF5.locked {
      let dataset = try HDF5Object(H5Dopen2(file.id, name, carina_h5_default()), H5Dclose, orThrow: broken)
      let type = try HDF5Object(H5Dget_type(dataset.id), H5Tclose, orThrow: broken)
      let space = try HDF5Object(H5Dget_space(dataset.id), H5Sclose, orThrow: broken)
      let rank = H5Sget_simple_extent_ndims(space.id)
      guard rank >= 0, rank <= 8 else { throw broken }
      var extent = [hsize_t](repeating: 0, count: Int(rank))
      guard H5Sget_simple_extent_dims(space.id, &extent, nil) == rank, extent.allSatisfy({ $0 <= 1 << 40 }) else {
        throw broken
      }
      let isInteger = H5Tget_class(type.id) == H5T_INTEGER
      return (
        dataset, extent.map { Int($0) }, H5Tis_variable_str(type.id) > 0, isInteger,
        H5Tequal(type.id, carina_h5_file_uint8()) > 0
      )
    }
  }

  /// Where in the file the whole dataset lies, when its bytes are there in one run; nil else.
  package func run() throws -> Range<UInt64>? {
    try HDF5.locked { () -> Range<UInt64>? in
      let creation = H5Dget_create_plist(object.id)
      guard creation >= 0 else { return nil }
      defer { H5Pclose(creation) }
      let start = H5Dget_offset(object.id), size = H5Dget_storage_size(object.id)
      guard H5Pget_layout(creation) == H5D_CONTIGUOUS, start != carina_h5_no_address(), UInt64(start) < 1 << 60,
        UInt64(size) < 1 << 60
      else { return nil }
      return UInt64(start)..<UInt64(start) + UInt64(size)
    }
  }

  /// Where in the file each row's bytes lie, when each row is an unfiltered chunk or the whole is contiguous; nil else.
  func rowAddresses() throws -> [UInt64]? {
    try HDF5.locked { () -> [UInt64]? in
      guard extent.count >= 1, extent[0] > 0 else { return nil }
      let creation = H5Dget_create_plist(object.id)
      guard creation >= 0 else { return nil }
      defer { H5Pclose(creation) }
      guard H5Pget_nfilters(creation) == 0 else { return nil }
      let rowBytes = UInt64(extent.dropFirst().reduce(1, *))
      switch H5Pget_layout(creation) {
      case H5D_CONTIGUOUS:
        let start = H5Dget_offset(object.id)
        return start == carina_h5_no_address() ? nil : (0..<extent[0]).map { UInt64(start) + UInt64($0) * rowBytes }
      case H5D_CHUNKED:
        var chunk = [hsize_t](repeating: 0, count: extent.count)
        guard H5Pget_chunk(creation, Int32(extent.count), &chunk) == Int32(extent.count),
          chunk == [1] + extent.dropFirst().map({ hsize_t($0) })
        else { return nil }
        var addresses: [UInt64] = []
        addresses.reserveCapacity(extent[0])
        var offset = [hsize_t](repeating: 0, count: extent.count)
        for row in 0..<extent[0] {
          offset[0] = hsize_t(row)
          let address = carina_h5_chunk_address(object.id, &offset, hsize_t(rowBytes))
          guard address != carina_h5_no_address() else { return nil }
          addresses.append(UInt64(address))
        }
        return addresses
      default: return nil
      }
    }
  }

  /// Reads a row of bytes through the library, whatever its layout.
  func readRow(_ row: Int, into buffer: UnsafeMutablePointer<UInt8>) throws -> Bool {
    try HDF5.locked {
      var start = [hsize_t](repeating: 0, count: extent.count)
      var count = extent.map { hsize_t($0) }
      start[0] = hsize_t(row)
      count[0] = 1
      let space = H5Dget_space(object.id)
      guard space >= 0 else { return false }
      defer { H5Sclose(space) }
      let memory = H5Screate_simple(Int32(count.count), &count, nil)
      guard memory >= 0 else { return false }
      defer { H5Sclose(memory) }
      guard H5Sselect_hyperslab(space, H5S_SELECT_SET, &start, nil, &count, nil) >= 0 else { return false }
      return H5Dread(object.id, carina_h5_uint8(), memory, space, carina_h5_default(), buffer) >= 0
    }
  }
}
