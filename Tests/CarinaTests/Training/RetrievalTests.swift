import TestSupport
import Testing

import Carina

@Suite("Retrieval of held-out images") struct RetrievalTests {
  private let model: SiglipModel

  init() throws { model = try ParityModels.siglip(ParityGolden.path("tower/model")) }

  private func samples(_ captions: [String], images: [Int], seed: UInt64 = 3) -> ParitySamples {
    let pixels = Tensor.random([captions.count, 3 * 16 * 16], seed: seed)
    return ParitySamples(
      texts: captions.map { ("", $0) }, images: images,
      pixelRows: (0..<captions.count).map { pixels.rowSlice($0..<$0 + 1).values })
  }

  private func pairs(_ samples: ParitySamples) throws -> ContrastivePairs {
    let tokenizer = try SiglipTextTokenizer(directory: ParityGolden.path("tower/model"), defaultPadding: 0)
    return try ContrastivePairs(samples) { sample in
      samples.text(sample).answer.split(separator: "|").map { text in
        let ids = tokenizer.padded(tokenizer.ids(String(text)), to: 12)
        return (ids, { ids })
      }
    }
  }

  @Test(
    "equal texts are one text, of every image that they stand with; an image of several samples has the texts of all")
  func pairs() throws {
    let pairs = try pairs(samples(["heart|lungs", "The LUNGS.", "effusion", "heart"], images: [0, 1, 0, 2]))
    #expect(pairs.images.map(\.image) == [0, 1, 2] && pairs.images.map(\.sample) == [0, 1, 3])
    #expect(pairs.texts.count == 4 && pairs.images.map { $0.texts.sorted() } == [[0, 1, 3], [2], [0]])
    #expect(pairs.texts(of: [0, 2]) == [0, 1, 3])
    #expect(pairs.isPositive([2, 0], [0, 1]) == [true, false, true, true])
  }

  @Test("loss and recall agree with a count by hand, in pieces of any size")
  func twin() throws {
    let words = ["heart", "lungs clear", "effusion", "edema", "a nodule", "apex", "left base", "no finding"]
    let captions = (0..<23).map { "\(words[$0 % 8]) \(words[($0 / 2) % 8])|\(words[($0 * 3) % 8])" }
    let samples = samples(captions, images: Array(0..<23)), pairs = try pairs(samples)
    let images = l2Normalize(
      model.imageEmbeddings(
        Tensor(samples.pixelRows.flatMap { $0 }, shape: [23, 3 * 16 * 16], on: TestBackend.chosen), count: 23, tape: nil
      ),
      tape: nil
    ).doubles
    let texts = l2Normalize(model.text.pooled(pairs.texts, tape: nil), tape: nil).doubles
    let count = pairs.texts.count
    func similarity(_ image: Int, _ text: Int) -> Double {
      (0..<16).reduce(0) { $0 + images[image * 16 + $1] * texts[text * 16 + $1] }
    }
    func recall(
      _ queries: Int, _ others: Int, _ depth: Int, _ score: (Int, Int) -> Double, _ belongs: (Int, Int) -> Bool
    )
      -> Double
    {
      let hits = (0..<queries).count { query in
        (0..<others).sorted { score(query, $0) > score(query, $1) }.prefix(depth).contains { belongs(query, $0) }
      }
      return Double(hits) / Double(queries)
    }
    let describes = { (image: Int, text: Int) in pairs.images[image].texts.contains(text) }
    for pieces in [ContrastivePieces(images: 23, texts: 99), ContrastivePieces(images: 4, texts: 7)] {
      let (loss, scores) = try RetrievalCheck(
        model: model, pairs: pairs, samples: samples, pieces: pieces, batchSize: 9
      ).run()
      for (index, depth) in RetrievalScores.depths.enumerated() {
        #expect(scores.imageToText[index] == recall(23, count, depth, similarity, describes))
        #expect(
          scores.textToImage[index] == recall(count, 23, depth, { similarity($1, $0) }, { describes($1, $0) }))
      }
      var sum = 0.0
      for first in stride(from: 0, to: 23, by: 9) {
        let rows = first..<min(23, first + 9), read = pairs.texts(of: rows)
        sum += Double(
          model.loss(
            pixels: Tensor(
              samples.pixelRows[rows].flatMap { $0 }, shape: [rows.count, 3 * 16 * 16], on: TestBackend.chosen),
            count: rows.count, texts: read.map { pairs.texts[$0] }, isPositive: pairs.isPositive(rows, read),
            divisor: 1, tape: nil
          ).loss.values[0])
      }
      expectClose([loss], [sum / 23], relative: 1e-5)
    }
  }

  @Test("a stop comes between pieces, and so does one in the gradients of a batch")
  func stop() throws {
    let captions = (0..<6).map { "heart \($0) lungs" }, samples = samples(captions, images: Array(0..<6))
    let pairs = try pairs(samples), pieces = ContrastivePieces(images: 2, texts: 4)
    let check = RetrievalCheck(model: model, pairs: pairs, samples: samples, pieces: pieces, batchSize: 6)
    var asked = 0
    func stops(at limit: Int) -> Bool {
      asked += 1
      return asked >= limit
    }
    _ = try check.run { stops(at: .max) }
    // Three pieces of images, two of texts.
    #expect(asked == 5)
    for limit in 1...5 {
      asked = 0
      #expect(throws: StopRequest.self) { try check.run { stops(at: limit) } }
      #expect(asked == limit)
    }
    let objective = ContrastiveObjective(
      model: model, pairs: pairs, samples: samples, freezing: TowerFreezing(), pieces: pieces)
    for parameter in model.parameters { parameter.setTrainable(true) }
    let batch = try objective.prepare(Array(0..<6))
    func accumulate(_ limit: Int) throws -> LossSum {
      asked = 0
      return try objective.accumulate(batch, scale: 1, finiteWatch: nil) { try StopRequest.check { stops(at: limit) } }
    }
    #expect(try accumulate(.max).value.isFinite && asked == 10)
    for limit in [1, 4, 7, 10] { #expect(throws: StopRequest.self) { try accumulate(limit) } }
  }

  @Test("embeddings that are all alike find nothing, since what is as similar counts as before")
  func ties() throws {
    let captions = (0..<12).map { "heart \($0) lungs" }
    var samples = samples(captions, images: Array(0..<12))
    samples.pixelRows = Array(repeating: samples.pixelRows[0], count: 12)
    let scores = try RetrievalCheck(
      model: model, pairs: pairs(samples), samples: samples, pieces: ContrastivePieces(images: 12, texts: 12),
      batchSize: 12
    ).run().scores
    #expect(scores.textToImage == [0, 0, 0])
    #expect(scores.named.map(\.name).first == "image_to_text_recall_at_1" && scores.named.count == 6)
  }
}
