import CarinaData
import CarinaRuntime
import CarinaText

/// What a model will be asked and how, as far as the memory depends on it that answering takes: with it a model is
/// refused before its weights are read where they and the work do not fit (`MemoryForecast`).
public struct AnswerDemand {
  /// A question with the numbers of its images, and the answer whose likelihood is taken; nil for a question of which
  /// nothing is known beforehand.
  private struct Question {
    let text: String?, answer: String?, images: [Int]
  }

  private let questions: [Question]
  private let generation: GenerationOptions
  private let groupSize: Int, arms: Int
  private let maximumAnswerTokens: Int?
  /// The shard directory that is read from; nil for images in files.
  let shards: String?
  /// Whether the vision features of images are kept, which are then encoded one by one.
  public var keepsFeatures = false
  /// How the decoder's matrices are held, and those of the vision encoder.
  public var weights = WeightStorage.full, visionWeights = WeightStorage.full
  /// Whether matrices in 8 bits are kept in a file that is mapped.
  public var keepsRoundedWeights = false
  /// The most memory that the process is to take, in GiB; nil for what is available.
  public var memoryLimit: Double?

  /// An evaluation's.
  /// - Parameter maximumAnswerTokens: limit on the ids of references whose likelihood is taken; nil for the model's.
  public init(_ options: EvaluatorOptions, shards: ShardDirectory, maximumAnswerTokens: Int? = nil) {
    questions = (0..<min(options.limit ?? shards.sampleCount, shards.sampleCount)).map { index in
      let sample = shards.sample(index)
      return Question(
        text: sample.question, answer: options.withLikelihood ? sample.answer : nil, images: sample.imageRows)
    }
    generation = options.generation
    groupSize = options.batchSize
    arms = options.arms.count
    self.maximumAnswerTokens = maximumAnswerTokens
    self.shards = shards.path
    keepsFeatures = options.featureCache != nil
  }

  /// Questions about image files, so many side by side.
  public init(_ questions: [ImageQuestion], groupSize: Int = 1, generation: GenerationOptions) {
    var numbers: [ExactText: Int] = [:]
    self.init(
      questions.map { question in
        let images = question.imagePaths.map { path in
          let key = ExactText(path)
          let number = numbers[key] ?? numbers.count
          numbers[key] = number
          return number
        }
        return Question(text: question.question, answer: nil, images: images)
      }, groupSize: groupSize, generation: generation)
  }

  /// A conversation about so many images, of which a question of the greatest length is counted.
  public init(conversationAbout imageCount: Int, generation: GenerationOptions) {
    let turn = Question(text: nil, answer: nil, images: Array(0..<imageCount))
    self.init([turn, turn], groupSize: 1, generation: generation)
  }

  private init(_ questions: [Question], groupSize: Int, generation: GenerationOptions) {
    self.questions = questions
    self.groupSize = groupSize
    self.generation = generation
    arms = 1
    maximumAnswerTokens = nil
    shards = nil
  }

  /// What is computed for them. A question that the model cannot be asked is refused, with its name, where it is asked.
  /// - Throws: as `PromptRenderer.limited`.
  package func answers(_ renderer: PromptRenderer, rowsPerImage: Int) throws -> MemoryForecast.Answers {
    let renderer = try renderer.limited(answerTokens: maximumAnswerTokens)
    let asked = questions.compactMap { question -> MemoryForecast.Answers.Asked? in
      let count = question.images.count
      guard let text = question.text else {
        return MemoryForecast.Answers.Asked(
          rows: renderer.maximumQuestionTokens + count * rowsPerImage, supervised: 0, images: question.images)
      }
      guard let answer = question.answer else {
        return (try? renderer.generation(question: ImageMarks.removed(from: text), images: count)).map {
          MemoryForecast.Answers.Asked(
            rows: $0.count + $0.imageCount * rowsPerImage, supervised: 0, images: question.images)
        }
      }
      return (try? renderer.training(question: text, answer: answer, images: count)).map {
        MemoryForecast.Answers.Asked(
          rows: $0.count + $0.imageCount * rowsPerImage, supervised: $0.supervisedCount, images: question.images)
      }
    }
    var answers = MemoryForecast.Answers(
      asked, batchSize: groupSize, newTokens: generation.maximumNewTokens, beams: generation.beamCount, arms: arms)
    answers.picksLargest = generation.picksLargest && generation.beamCount == 1
    return answers
  }
}
