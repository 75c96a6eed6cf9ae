import TestSupport
import Testing

import Carina

@Suite("Fingerprints of many bytes") struct FingerprintTests {
  @Test("all bytes count, in runs that cover them, whether or not somebody is told")
  func runs() {
    var bytes = [UInt8](repeating: 7, count: (129 << 20) + 5)
    for index in stride(from: 0, to: bytes.count, by: 4099) { bytes[index] = UInt8(truncatingIfNeeded: index) }
    func fingerprint() -> (value: Fingerprint, runs: [Range<Int>]) {
      var value = Fingerprint(), runs: [Range<Int>] = []
      bytes.withUnsafeBytes { value.update($0) { runs.append($0) } }
      return (value, runs)
    }
    let whole = fingerprint()
    #expect(whole.value == bytes.withUnsafeBytes { Fingerprint($0) })
    #expect(whole.runs.map(\.lowerBound) == [0, 64 << 20, 128 << 20] && whole.runs.last?.upperBound == bytes.count)
    for index in [0, (64 << 20) - 1, 64 << 20, bytes.count - 1] {
      bytes[index] ^= 1
      #expect(fingerprint().value != whole.value, "byte \(index)")
      bytes[index] ^= 1
    }
    #expect(fingerprint().value == whole.value)
  }

  @Test("the fingerprint of a file is that of its bytes, which can be read again after it")
  func file() throws {
    let directory = try TemporaryDirectory(), path = directory.file("x.safetensors")
    let tensor = Tensor.random([300, 999], seed: 1)
    try SafetensorsWriter.write([("x", tensor)], to: path)
    let file = try SafetensorsFile(path: path), mapped = try MappedFile(path: path)
    #expect(file.fingerprint() == Fingerprint(mapped.bytes(0..<mapped.byteCount)))
    expectSameBits(try file.tensor(named: "x", on: TestBackend.chosen), tensor)
  }
}
