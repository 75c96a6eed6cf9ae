import TestSupport
import Testing

import Carina

@Suite struct ParameterDigestTests {
  private func fingerprint(_ bytes: [UInt8]) -> Fingerprint { bytes.withUnsafeBytes { Fingerprint($0) } }

  @Test("every single flipped bit, added byte and swapped block changes the fingerprint")
  func fingerprints() {
    for count in [1, 7, 8, 63, 64, 65, 200] {
      var generator = SeededGenerator(seed: 1, stream: "bytes.\(count)")
      var bytes = (0..<count).map { _ in UInt8(truncatingIfNeeded: generator.next()) }
      var seen: Set = [fingerprint(bytes)]
      for bit in 0..<(count * 8) {
        bytes[bit / 8] ^= 1 << (bit % 8)
        #expect(seen.insert(fingerprint(bytes)).inserted)
        bytes[bit / 8] ^= 1 << (bit % 8)
      }
      #expect(seen.insert(fingerprint(bytes + [0])).inserted)
      #expect(seen.insert(fingerprint([0] + bytes)).inserted)
    }
    let zeros = [UInt8](repeating: 0, count: 1 << 21), other = zeros.map { _ in UInt8(1) }
    #expect(fingerprint(zeros + other) != fingerprint(other + zeros))
    #expect(fingerprint(zeros) != fingerprint(Array(zeros.dropLast())))
  }

  @Test("the fingerprint does not depend on the number of threads, nor on the machine")
  func threads() {
    var generator = SeededGenerator(seed: 2, stream: "bytes")
    let bytes = (0..<((5 << 20) + 123)).map { _ in UInt8(truncatingIfNeeded: generator.next()) }
    let before = ThreadTeam.count
    defer { ThreadTeam.count = before }
    ThreadTeam.count = 1
    let alone = fingerprint(bytes)
    for count in [2, 3, 5] {
      ThreadTeam.count = count
      #expect(fingerprint(bytes) == alone)
    }
    #expect(fingerprint([]).description == "46fd91e8411b995f")
    #expect(fingerprint([1, 2, 3]).description == "fa1c322bd148018b")
    #expect(fingerprint((0..<1000).map { UInt8(truncatingIfNeeded: $0 * 7) }).description == "43be31d351155c49")
  }

  @Test("what changed is told by name")
  func digest() throws {
    let source = RandomParameterSource(seed: 4)
    let parameters = [("a", [3, 4]), ("b", [5])].map {
      source.parameter($0.0, shape: $0.1, decays: true, initialization: .normal(standardDeviation: 1))
    }
    let before = ParameterDigest(parameters)
    try ParameterDigest(parameters).requireUnchanged(since: before, what: "model")
    #expect(ParameterDigest(parameters).changes(since: before).isEmpty)
    parameters[1].value.floats[3] += 1e-6
    let after = ParameterDigest(parameters)
    #expect(after.changes(since: before) == ["b"])
    #expect(after.whole != before.whole)
    let error = try #require(thrownCarinaError { try after.requireUnchanged(since: before, what: "decoder") })
    #expect(error.kind == .internalFailure && error.location == "b")
    #expect(ParameterDigest([parameters[0]]).changes(since: before) == ["b"])
  }
}
