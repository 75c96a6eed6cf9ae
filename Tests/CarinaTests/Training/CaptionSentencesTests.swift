import Testing

import Carina

@Suite("Caption sentences") struct CaptionSentencesTests {
  @Test(
    "captions are cut behind marks that white space follows",
    arguments: [
      ("The heart is enlarged. No effusion.", ["The heart is enlarged.", "No effusion."]),
      ("  Clear lungs!\n\tIs there an effusion?  No. ", ["Clear lungs!", "Is there an effusion?", "No."]),
      ("A nodule of 3.5 cm,\n in the  left lung", ["A nodule of 3.5 cm, in the left lung"]),
      ("Unchanged.Since 2019. end", ["Unchanged.Since 2019.", "end"]), ("...", ["..."]), ("", []), (" \n", []),
    ])
  func split(caption: String, sentences: [String]) {
    #expect(CaptionSentences.split(caption) == sentences)
  }
}
