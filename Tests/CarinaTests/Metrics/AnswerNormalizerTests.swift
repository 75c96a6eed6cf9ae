import Carina
import Testing

@Suite struct AnswerNormalizerTests {
  @Test(
    "answers are normalised as the official VQA evaluation does it",
    arguments: [
      ("No.", "no"), ("The Right Lung", "right lung"), ("right-sided", "right sided"), ("right - sided", "right sided"),
      ("x-ray", "x ray"), ("1.5 cm", "1.5 cm"), ("5.", "5"), ("3,000 mL", "3000 ml"), ("yes,no", "yes no"),
      ("yes, no", "yes no"), ("T1-2", "t1 2"), ("None", "0"), ("ten", "10"), ("eleven", "eleven"),
      ("an effusion", "effusion"), ("isnt", "isn't"), ("couldntve", "couldntve"), ("couldnt've", "couldn't've"),
      ("couldn'tve", "couldn't've"), ("yes\nit is", "yes it is"), ("  both \t lungs ", "both lungs"), ("", ""),
      ("l/r", "l r"), ("a / b", "b"), ("(left)", "left"), ("1,5 a-b", "15 ab"), ("dr. who's", "dr who's"), ("a", ""),
    ])
  func normalForm(answer: String, expected: String) {
    #expect(AnswerNormalizer.normalize(answer) == expected)
  }
}
