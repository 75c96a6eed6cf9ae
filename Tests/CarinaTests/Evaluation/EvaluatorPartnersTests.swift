import Carina
import TestSupport
import Testing

@Suite struct EvaluatorPartnersTests {
  private func partners(_ patients: [String], seed: UInt64 = 1) throws -> EvaluatorPartners {
    try EvaluatorPartners(images: patients.enumerated().map { (100 + $0.offset, $0.element) }, seed: seed)
  }

  @Test("every image gets another one of another patient, and every image is given once")
  func derangement() throws {
    for (seed, patients) in [
      ["a", "a", "b", "b"], ["a", "b"], ["", "", ""], ["a", "a", "a", "b", "", "c"],
      (0..<101).map { "p\($0 / 3)" }, (0..<40).map { $0 < 20 ? "one" : "p\($0)" },
    ].enumerated() {
      let result = try partners(patients, seed: UInt64(seed))
      #expect(result.samePatientCount == 0)
      #expect(Set(result.partner.values) == Set(result.partner.keys) && result.partner.count == patients.count)
      for (row, other) in result.partner {
        #expect(row != other)
        #expect(patients[row - 100] == "" || patients[row - 100] != patients[other - 100])
      }
    }
  }

  @Test("a patient with most of the images keeps as few of them as possible, and never an own image")
  func mostlyOnePatient() throws {
    for (patients, fewest) in [
      (["a", "a", "a", "b"], 2), (["a", "a", "a"], 3), (["a", "a", "b", "a", "a", "c"], 2),
    ] {
      let result = try partners(patients)
      #expect(result.samePatientCount == fewest)
      #expect(result.partner.allSatisfy { $0.key != $0.value })
    }
  }

  @Test("the seed decides, and one image is too few")
  func seeds() throws {
    let patients = (0..<30).map { "p\($0)" }
    #expect(try partners(patients, seed: 4) == partners(patients, seed: 4))
    #expect(try partners(patients, seed: 4) != partners(patients, seed: 5))
    #expect(thrownCarinaError { try partners(["a"]) }?.kind == .usage)
  }
}
