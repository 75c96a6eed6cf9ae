/// What a stage reads: samples by number, each with a question (empty for a caption), an answer and its images.
package protocol TrainingSamples: Sendable {
  /// How many samples.
  var count: Int { get }
  /// The texts of a sample.
  func text(_ sample: Int) throws -> (question: String, answer: String)
  /// What a sample is called in messages.
  func name(of sample: Int) -> String
  /// Which images a sample is about, in their order; samples of one image share its number.
  func images(of sample: Int) -> [Int]
  /// An image's pixels, normalised as the vision encoder wants them: [channels, size, size].
  func pixels(image: Int) throws -> [Float]
  /// The same as training in an epoch (from 0) sees them: augmented where that is asked for.
  func pixels(image: Int, epoch: Int) throws -> [Float]
}

extension TrainingSamples {
  /// Its number.
  package func name(of sample: Int) -> String { "\(sample)" }

  /// As they are.
  package func pixels(image: Int, epoch: Int) throws -> [Float] { try pixels(image: image) }
}
