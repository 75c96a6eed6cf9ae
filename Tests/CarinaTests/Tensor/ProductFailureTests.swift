import Carina
import TestSupport
import Testing

@Suite("What a library of products reports") struct ProductFailureTests {
  @Test("the first report is thrown, once")
  func first() throws {
    let failure = ProductFailure()
    try failure.take()
    for number in 1...2 { failure.note(CarinaError(.internalFailure, "report \(number)")) }
    #expect(thrownCarinaError { try failure.take() }?.what == "report 1")
    try failure.take()
  }
}
