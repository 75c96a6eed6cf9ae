import Carina
import TestSupport
import Testing

@Suite struct ShuffledImagesTests {
  private func shuffled(_ lists: [([Int], String)], seed: UInt64 = 1) throws -> ShuffledImages {
    try ShuffledImages(lists: lists.map { (rows: $0.0, patient: $0.1) }, seed: seed)
  }

  @Test("single images get the partners that they have always had")
  func single() throws {
    for patients in [
      ["a", "a", "b", "b"], ["", "", ""], ["a", "b"], ["a", "a", "a", "b"], (0..<50).map { "p\($0 / 3)" },
    ] {
      let images = patients.enumerated().map { (row: 100 + $0.offset, patient: $0.element) }
      for seed in 1...3 as ClosedRange<UInt64> {
        let known = try EvaluatorPartners(images: images, seed: seed)
        let found = try shuffled(images.map { ([$0.row], $0.patient) }, seed: seed)
        #expect(found.partner == Dictionary(uniqueKeysWithValues: known.partner.map { ([$0.key], [$0.value]) }))
        #expect(found.samePatientCount == known.samePatientCount)
      }
    }
  }

  @Test("lists meet lists of their length, of another patient, or of no common image where none is named")
  func lists() throws {
    // Pairs of a chain of priors: neighbours share an image.
    let chain = (0..<12).map { ([$0 / 3 * 10 + $0 % 3 + 1, $0 / 3 * 10 + $0 % 3], "") }
    let named = (0..<9).map { ([100 + 2 * $0, 101 + 2 * $0], "p\($0 / 3)") }
    let triples = (0..<4).map { ([200 + 3 * $0, 201 + 3 * $0, 202 + 3 * $0], "q\($0)") }
    let all = chain + named + triples
    let found = try shuffled(all)
    #expect(found.samePatientCount == 0 && found.partner.count == all.count)
    let patient = Dictionary(uniqueKeysWithValues: all.map { ($0.0, $0.1) })
    for (own, other) in found.partner {
      #expect(own.count == other.count && Set(own).isDisjoint(with: other) && patient[other] != nil)
      #expect(patient[own] == "" || patient[own] != patient[other])
    }
    #expect(Set(found.partner.values).count == all.count)
    #expect(try shuffled(all) == found && shuffled(all, seed: 2) != found)
  }

  @Test("a list alone with its length gets the partners of its images; a single list none")
  func alone() throws {
    let lists: [([Int], String)] = [([1], "a"), ([2], "b"), ([3, 4], "c"), ([5, 6, 7], "d"), ([8, 9], "e")]
    let found = try shuffled(lists)
    let other = try #require(found.partner[[5, 6, 7]])
    #expect(other.count == 3 && Set(other).isDisjoint(with: [5, 6, 7]) && found.samePatientCount == 0)
    #expect(found.partner[[3, 4]] == [8, 9] && found.partner[[1]] == [2])
    #expect(thrownCarinaError { try shuffled([([1, 2], "a")]) }?.kind == .usage)
  }
}
