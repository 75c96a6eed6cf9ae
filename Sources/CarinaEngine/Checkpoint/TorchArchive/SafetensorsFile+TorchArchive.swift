import CarinaRuntime
import CarinaTensor

extension SafetensorsFile {
  /// What `metadata` says under `format` of a file that was read from an archive of torch.
  static let torchFormat = "torch.save"

  /// Reads the tensors of an archive of torch into memory, as the bytes of a safetensors file. The four tensors of an MLP of two
  /// maps (`torch.nn.Sequential`) have the names of `TensorFormat.projector`, whatever stands before them in the file.
  /// - Throws: as `TorchArchive.init` and `TorchArchive.copy`.
  package convenience init(torchArchive path: String) throws {
    var archive = try TorchArchive(path: path)
    let prefix = SafetensorsFile.sequentialPrefix(archive.tensors.map(\.name))
    var header = JSONObject([("__metadata__", ["format": .string(SafetensorsFile.torchFormat)])])
    var end = 0, ranges: [Range<Int>] = []
    for (name, tensor) in archive.tensors {
      let start = end
      end += tensor.shape.reduce(1, *) * tensor.element.bitCount / 8
      ranges.append(start..<end)
      let own = prefix.map { "model.\(name.dropFirst($0.count))" } ?? name
      header[own] = [
        "dtype": .string(tensor.element.rawValue), "shape": .array(tensor.shape.map { .integer($0) }),
        "data_offsets": [.integer(start), .integer(end)],
      ]
    }
    var text = Array(try JSONValue.object(header).serialized().utf8)
    // Numbers are used where they lie, so they begin at a multiple of 8.
    text += [UInt8](repeating: UInt8(ascii: " "), count: (8 - text.count % 8) % 8)
    let dataStart = 8 + text.count
    try self.init(
      path: path,
      mapping: try MappedFile(path: path, byteCount: dataStart + end) { bytes in
        bytes.storeBytes(of: UInt64(text.count).littleEndian, as: UInt64.self)
        UnsafeMutableRawBufferPointer(rebasing: bytes[8..<dataStart]).copyBytes(from: text)
        for (range, (_, tensor)) in zip(ranges, archive.tensors) {
          let target = bytes[dataStart + range.lowerBound..<dataStart + range.upperBound]
          try archive.copy(tensor, to: UnsafeMutableRawBufferPointer(rebasing: target))
        }
      })
  }

  /// What stands before `0.weight`, `0.bias`, `2.weight` and `2.bias` where these are all names; nil for other names.
  private static func sequentialPrefix(_ names: [String]) -> String? {
    guard let first = names.first(where: { $0.hasSuffix("0.weight") }) else { return nil }
    let prefix = String(first.dropLast("0.weight".count))
    guard prefix.isEmpty || prefix.hasSuffix(".") else { return nil }
    let expected = ["0.weight", "0.bias", "2.weight", "2.bias"].map { prefix + $0 }
    return expected.sortedExactly() == names.sortedExactly() ? prefix : nil
  }
}
