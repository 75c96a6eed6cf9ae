import CarinaRuntime

/// What is drawn in a resample: answers about one patient hang together, and so do answers about one image.
struct ResamplingUnits {
  /// The unit of each answer, numbered from 0 in order of appearance.
  let ofAnswer: [Int]
  /// How many units there are.
  let count: Int
  /// `patient`, `image`, `sample`, or several joined by `+` where the answers differ in what is known.
  let kind: String

  /// The patient where known, else the image where known, else the answer itself.
  init(_ answers: [ScoredAnswer]) {
    var numbers: [ExactText: Int] = [:]
    var kinds = Set<String>()
    var ofAnswer: [Int] = []
    for (index, answer) in answers.enumerated() {
      let (kind, name) =
        if let patient = answer.patient, !patient.isEmpty {
          ("patient", patient)
        } else if let image = answer.image, !image.isEmpty {
          ("image", image)
        } else {
          ("sample", String(index))
        }
      kinds.insert(kind)
      let key = ExactText("\(kind) \(name)")
      let number = numbers[key] ?? numbers.count
      numbers[key] = number
      ofAnswer.append(number)
    }
    self.ofAnswer = ofAnswer
    count = numbers.count
    self.kind = kinds.sorted().joined(separator: "+")
  }
}
