import CHDF5
import CarinaRuntime
import Foundation

/// A new HDF5 file without time stamps: equal calls give equal bytes.
package final class HDF5OutputFile {
  private let file: HDF5Object
  private let path: String

  /// - Throws: `CarinaError.cannotWrite`.
  package init(_ path: String) throws {
    self.path = path
    file = try HDF5.locked {
      let creation = try HDF5Object(carina_h5_file_creation(), H5Pclose, orThrow: HDF5OutputFile.failure(path))
      return try HDF5Object(carina_h5_create(path, creation.id), H5Fclose, orThrow: HDF5OutputFile.failure(path))
    }
  }

  /// Makes a group below the root.
  package func makeGroup(_ name: String) throws {
    try HDF5.locked {
      let creation = try HDF5Object(carina_h5_group_creation(), H5Pclose, orThrow: failure)
      let plain = carina_h5_default()
      _ = try HDF5Object(H5Gcreate2(file.id, name, plain, creation.id, plain), H5Gclose, orThrow: failure)
    }
  }

  /// Gives the root group a text attribute.
  package func setAttribute(_ name: String, text: String) throws {
    try HDF5.locked {
      let type = try HDF5Object(carina_h5_text(), H5Tclose, orThrow: failure)
      try text.withCString { pointer in
        try withUnsafePointer(to: pointer) { try setAttribute(name, type: type.id, value: $0) }
      }
    }
  }

  /// Gives the root group an attribute of a 32-bit integer.
  package func setAttribute(_ name: String, integer: Int32) throws {
    try HDF5.locked {
      try withUnsafePointer(to: integer) { try setAttribute(name, type: carina_h5_file_int32(), value: $0) }
    }
  }

  private func setAttribute(_ name: String, type: hid_t, value: UnsafeRawPointer) throws {
    let plain = carina_h5_default()
    let space = try HDF5Object(H5Screate(H5S_SCALAR), H5Sclose, orThrow: failure)
    let attribute = try HDF5Object(
      H5Acreate2(file.id, name, type, space.id, plain, plain), H5Aclose, orThrow: failure)
    guard H5Awrite(attribute.id, type, value) >= 0 else { throw failure }
  }

  /// Writes a list of texts as a dataset.
  func write(_ texts: [String], as name: String) throws {
    try HDF5.locked {
      let type = try HDF5Object(carina_h5_text(), H5Tclose, orThrow: failure)
      // A text ends at its first zero byte in HDF5, so a zero byte inside one cannot be stored.
      let copies = texts.map { strdup($0.replacingOccurrences(of: "\0", with: "\u{fffd}")) }
      defer { copies.forEach { free($0) } }
      guard copies.allSatisfy({ $0 != nil }) else { throw CarinaError(.internalFailure, "no memory for texts") }
      try write(count: texts.count, type: type.id, memoryType: type.id, name: name, values: copies)
    }
  }

  /// Writes a list of 32-bit integers as a dataset.
  func write(_ values: [Int32], as name: String) throws {
    try HDF5.locked {
      try write(
        count: values.count, type: carina_h5_file_int32(), memoryType: carina_h5_int32(), name: name, values: values)
    }
  }

  private func write(count: Int, type: hid_t, memoryType: hid_t, name: String, values: UnsafeRawPointer) throws {
    var extent = [hsize_t(count)]
    let (plain, all) = (carina_h5_default(), carina_h5_all())
    let space = try HDF5Object(H5Screate_simple(1, &extent, nil), H5Sclose, orThrow: failure)
    let creation = try HDF5Object(carina_h5_dataset_creation(1, nil), H5Pclose, orThrow: failure)
    let dataset = try HDF5Object(
      H5Dcreate2(file.id, name, type, space.id, plain, creation.id, plain), H5Dclose, orThrow: failure)
    guard count == 0 || H5Dwrite(dataset.id, memoryType, all, all, plain, values) >= 0 else { throw failure }
  }

  /// Makes a dataset of bytes that grows row by row, each row a chunk of its own.
  func makeRows(_ name: String, rowShape: [Int], capacity: Int) throws -> HDF5Rows {
    try HDF5.locked {
      let plain = carina_h5_default()
      var extent = ([capacity] + rowShape).map { hsize_t($0) }
      var limit = extent
      limit[0] = carina_h5_unlimited()
      let chunk = ([1] + rowShape).map { hsize_t($0) }
      let rank = Int32(extent.count)
      let space = try HDF5Object(H5Screate_simple(rank, &extent, &limit), H5Sclose, orThrow: failure)
      let creation = try HDF5Object(carina_h5_dataset_creation(rank, chunk), H5Pclose, orThrow: failure)
      let dataset = try HDF5Object(
        H5Dcreate2(file.id, name, carina_h5_file_uint8(), space.id, plain, creation.id, plain), H5Dclose,
        orThrow: failure)
      return HDF5Rows(dataset: dataset, rowShape: rowShape, failure: failure)
    }
  }

  /// What a row of a fixed dataset is made of.
  package enum FixedElement {
    case byte, word, float
  }

  /// Makes a dataset that lies in the file in one run of zeros, a hole where the file system knows holes, to be filled
  /// without the library.
  package func makeFixed(_ name: String, _ element: FixedElement, shape: [Int]) throws {
    try HDF5.locked {
      let plain = carina_h5_default()
      var extent = shape.map { hsize_t($0) }
      let type =
        switch element {
        case .byte: carina_h5_file_uint8()
        case .word: carina_h5_file_uint16()
        case .float: carina_h5_file_float32()
        }
      let space = try HDF5Object(H5Screate_simple(Int32(shape.count), &extent, nil), H5Sclose, orThrow: failure)
      let creation = try HDF5Object(carina_h5_fixed_creation(), H5Pclose, orThrow: failure)
      let dataset = try HDF5Object(
        H5Dcreate2(file.id, name, type, space.id, plain, creation.id, plain), H5Dclose, orThrow: failure)
      try dataset.close(orThrow: failure)
    }
  }

  /// Writes what is still in memory and closes; every dataset must be closed before.
  package func close() throws { try file.close(orThrow: failure) }

  private var failure: CarinaError { HDF5OutputFile.failure(path) }

  private static func failure(_ path: String) -> CarinaError {
    CarinaError(
      .cannotWrite, "the HDF5 file cannot be written", at: path, remedy: "Check the free space and permissions.")
  }
}
