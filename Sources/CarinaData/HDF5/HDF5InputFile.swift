import CHDF5
import CarinaRuntime
import Foundation

/// An HDF5 file opened for reading. What does not hold what it should is `CarinaError.badData`.
package final class HDF5InputFile: Sendable {
  private let file: HDF5Object
  package let path: String

  /// - Throws: `CarinaError.missingInput` when there is no such file, `.badData` when it is no whole HDF5 file.
  package init(_ path: String) throws {
    self.path = path
    try ReadableFile.require(path)
    file = try HDF5.locked {
      let broken = CarinaError(
        .badData, "is no whole HDF5 file", at: path,
        remedy: "It is damaged or was cut short; copy it again or run preprocess again.")
      let access = try HDF5Object(carina_h5_read_access(), H5Pclose, orThrow: broken)
      return try HDF5Object(carina_h5_open(path, access.id), H5Fclose, orThrow: broken)
    }
  }

  /// A text attribute of the root.
  package func textAttribute(_ name: String) throws -> String {
    try HDF5.locked {
      let broken = bad("the attribute \"\(name)\" is missing or is no text")
      let attribute = try HDF5Object(H5Aopen(file.id, name, carina_h5_default()), H5Aclose, orThrow: broken)
      let type = try HDF5Object(H5Aget_type(attribute.id), H5Tclose, orThrow: broken)
      let space = try HDF5Object(H5Aget_space(attribute.id), H5Sclose, orThrow: broken)
      guard H5Tis_variable_str(type.id) > 0, H5Sget_simple_extent_npoints(space.id) == 1 else { throw broken }
      let memory = try HDF5Object(carina_h5_text(), H5Tclose, orThrow: broken)
      var pointer: UnsafeMutablePointer<CChar>?
      guard H5Aread(attribute.id, memory.id, &pointer) >= 0, let text = pointer else { throw broken }
      defer { H5free_memory(text) }
      return String(cString: text)
    }
  }

  /// An integer attribute of the root.
  package func integerAttribute(_ name: String) throws -> Int {
    try HDF5.locked {
      let broken = bad("the attribute \"\(name)\" is missing or is no integer")
      let attribute = try HDF5Object(H5Aopen(file.id, name, carina_h5_default()), H5Aclose, orThrow: broken)
      let type = try HDF5Object(H5Aget_type(attribute.id), H5Tclose, orThrow: broken)
      let space = try HDF5Object(H5Aget_space(attribute.id), H5Sclose, orThrow: broken)
      var value: Int32 = 0
      guard H5Tget_class(type.id) == H5T_INTEGER, H5Sget_simple_extent_npoints(space.id) == 1,
        H5Aread(attribute.id, carina_h5_int32(), &value) >= 0
      else { throw broken }
      return Int(value)
    }
  }

  package func dataset(_ name: String) throws -> HDF5Dataset { try HDF5Dataset(file, name: name, path: path) }

  /// All texts of a dataset of rank 1.
  func texts(_ name: String) throws -> TextColumn {
    try HDF5.locked {
      let dataset = try dataset(name)
      guard dataset.extent.count == 1, dataset.isText else {
        throw bad("\(name) has another rank or type", expected: "a list of texts")
      }
      let (plain, all, count) = (carina_h5_default(), carina_h5_all(), dataset.extent[0])
      var column = TextColumn()
      guard count > 0 else { return column }
      let broken = bad("\(name) cannot be read")
      let memory = try HDF5Object(carina_h5_text(), H5Tclose, orThrow: broken)
      let space = try HDF5Object(H5Dget_space(dataset.object.id), H5Sclose, orThrow: broken)
      var pointers = [UnsafeMutablePointer<CChar>?](repeating: nil, count: count)
      guard H5Dread(dataset.object.id, memory.id, all, all, plain, &pointers) >= 0 else { throw broken }
      defer { H5Dvlen_reclaim(memory.id, space.id, plain, &pointers) }
      for pointer in pointers {
        column.append(
          pointer.map { UnsafeRawBufferPointer(start: $0, count: strlen($0)) } ?? .init(start: nil, count: 0))
      }
      return column
    }
  }

  /// All values of a dataset of 32-bit integers of rank 1.
  func integers(_ name: String) throws -> [Int32] {
    try HDF5.locked {
      let dataset = try dataset(name)
      guard dataset.extent.count == 1, dataset.isInteger else {
        throw bad("\(name) has another rank or type", expected: "a list of integers")
      }
      let (plain, all) = (carina_h5_default(), carina_h5_all())
      var values = [Int32](repeating: 0, count: dataset.extent[0])
      guard values.isEmpty || H5Dread(dataset.object.id, carina_h5_int32(), all, all, plain, &values) >= 0 else {
        throw bad("\(name) cannot be read")
      }
      return values
    }
  }

  package func bad(_ what: String, expected: String? = nil, found: String? = nil) -> CarinaError {
    CarinaError(
      .badData, what, at: path, expected: expected, found: found,
      remedy: "It is damaged or was not made by preprocess; run preprocess again.")
  }
}
