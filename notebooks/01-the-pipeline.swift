// %% [markdown]
// # The pipeline
//
// From radiographs to a model that answers questions about them, on a handful of phantoms and in seconds. Each stop
// does what one of the programs does (`preprocess`, `train-stage0`, `train-stage1`, `train-stage2`, `evaluate`,
// `infer`), by the same calls of the engine.
//
// So few images can be learned by heart, and that is what happens here: every number below is small because the world
// is. `make reproduce` runs the same pipeline with enough images to learn to see.

// %%
import Carina
import Foundation
import NotebookCells

Processor.shortenIdleSpin()
Notebook.begin()

let work = "results/notebooks/work"
if FileManager.default.fileExists(atPath: work) { try FileManager.default.removeItem(atPath: work) }
try AtomicFile.makeDirectory(work)
print("Carina", CarinaVersion.current)

// %% [markdown]
// ## Radiographs that come with the truth
//
// A phantom is a chest described by numbers: a build, what is found in it, how the image was taken. The description is
// drawn, and the same description writes the report and answers the questions. A patient has one to three studies; the
// patient's left is on the right of the image.

// %% Phantoms
let scenes = PhantomSampler(seed: 11).scenes(16)
let side = 160, columns = 4
var contactSheet = [UInt8](repeating: 0, count: columns * side * columns * side)
for (position, scene) in scenes.enumerated() {
  let picture = PhantomRenderer.render(scene, size: side)
  for y in 0..<side {
    let start = (position / columns * side + y) * columns * side + position % columns * side
    contactSheet.replaceSubrange(start..<start + side, with: picture[y * side..<(y + 1) * side])
  }
}
show(image: try PNGEncoder.encode(contactSheet, side: columns * side))
show(
  table: [["image", "view", "caption"]]
    + scenes.prefix(columns).map { scene in
      [scene.name, scene.view.rawValue, PhantomText.caption(scene)]
    })
print("What can be asked of \(scenes[0].name):")
for question in PhantomText.questions(scenes[0]) {
  print("  \(question.text) \(question.answer)  (\(question.kind.answerType))")
}

// %% [markdown]
// ## Shards
//
// An archive on disk is images and JSON: one caption an image for stage 1, about six questions an image for stage 2.
// From it `Preprocessor` makes HDF5 shards, each image decoded, resized and stored once. Patients whose images are
// held out are in no other split.

// %% Archive and shards
Notebook.mark()
let archive = "\(work)/archive"
try PhantomArchive.write(
  PhantomArchive.Options(
    count: 48, seed: 1, imageSize: 64, splits: PhantomSplits(validation: 0, test: 0.2)),
  to: archive)

func preprocess(_ stage: String, _ split: String) throws -> ShardDirectory {
  let directory = "\(work)/shards/\(stage)-\(split)"
  let summary = try Preprocessor.run(
    PreprocessOptions(
      records: "\(archive)/\(stage)_\(split).json", imageRoots: [archive], output: directory,
      transform: ImageTransform(size: 64)))
  print("\(stage) \(split): \(summary.manifest.images) images, \(summary.manifest.samples) samples")
  return try ShardDirectory(directory)
}
let captions = try preprocess("stage1", "train")
let questions = try preprocess("stage2", "train")
let heldOut = try preprocess("stage2", "test")
print("patients in both splits:", questions.patients.intersection(heldOut.patients).count)
print()
print(try ShardSummary(questions).text(show: 3))

// %% [markdown]
// ## Stage 0: backbones
//
// Whoever has a SigLIP and a Gemma 3 on disk skips this stop. Here both are made small and from nothing: a tokenizer
// of byte pairs, a vision and a text tower that learn which sentence belongs to which image, and a decoder that learns
// to write captions and answers without seeing anything.

// %% Two small backbones
Notebook.mark()
let device = try Device.processor()
var backboneOptions = BackboneTrainingOptions(
  captionShards: captions.path, textShards: [questions.path], outputDirectory: "\(work)/stage0")
backboneOptions.patchSize = 16
backboneOptions.visionWidth = 64
backboneOptions.decoderWidth = 64
backboneOptions.decoderLayers = 2
backboneOptions.visionBatchSize = 8
backboneOptions.visionEpochs = 120
let backbones = try BackboneTraining(backboneOptions, on: device)
try backbones.run()

/// What a run wrote into its log.
func curve(_ run: String, _ name: String) throws -> LossCurve {
  try LossCurve.read("\(work)/\(run)/\(TrainingLog.fileName)", name: name)
}
let contrastive = try curve("stage0/vision", "vision")
show(
  svg: try LinePlot(
    xLabel: "optimizer step", yLabel: "contrastive loss",
    series: [.init("SigLIP: which sentence, which image?", x: contrastive.steps, y: contrastive.losses)]
  ).svg())
print("vision model:  ", backbones.visionModel)
print("language model:", backbones.languageModel)

// %% [markdown]
// ## Stages 1 and 2
//
// The projector carries each patch of the image into the decoder's embedding space, where the patches stand among the
// tokens. What the loss is taken on are the tokens of the answer alone, its end included.
//
// Stage 1 trains the projector on captions, everything else frozen. Stage 2 trains decoder and projector on questions,
// and the vision encoder in the first epoch only.

// %% One sample as the model reads it
Notebook.mark()
let tokenizer = try TokenizerFactory.load(directory: backbones.languageModel)
let renderer = try PromptRenderer(
  tokenizer: tokenizer, style: .gemma, maximumQuestionTokens: PromptSettings().maximumQuestionTokens,
  maximumAnswerTokens: PromptSettings().maximumAnswerTokens)
let sample = heldOut.sample(0)
let rendered = try renderer.training(question: sample.question, answer: sample.answer)
let patchCount = (64 / backboneOptions.patchSize) * (64 / backboneOptions.patchSize)
func piece(_ id: Int) -> String { (tokenizer.piece(of: id) ?? "?").replacingOccurrences(of: "\n", with: "\\n") }
show(
  table: [["token", "id", "in the loss"]]
    + rendered.tokensBeforeImage.map { [piece($0), "\($0)", ""] }
    + [["the image: \(patchCount) patches", "", ""]]
    + zip(rendered.tokensAfterImage, rendered.supervised).map { [piece($0), "\($0)", $1 ? "yes" : ""] })

// %% Training
Notebook.mark()
var stage1 = JointTrainingOptions(
  trainShards: captions.path, visionModel: backbones.visionModel, languageModel: backbones.languageModel,
  outputDirectory: "\(work)/stage1", policy: .stage1, promptStyle: .plain)
stage1.computing.precision = .fp32
stage1.projectorSettings.hiddenSize = 256
stage1.settings.batchSize = 16
stage1.settings.learningRate = 3e-3
stage1.settings.epochCount = 8

var stage2 = stage1
stage2.trainShards = questions.path
stage2.outputDirectory = "\(work)/stage2"
stage2.projector = "\(work)/stage1"
stage2.policy = FreezingPolicy(trainsProjector: true, trainsDecoder: true, trainsVisionInFirstEpoch: true)
stage2.prompt.style = .gemma
stage2.settings.epochCount = 40

for options in [stage1, stage2] {
  _ = try JointTraining(options, on: device).run()
  let record = try JSONValue.parseFile("\(options.outputDirectory)/run.json")
  print(
    "\(options.outputDirectory): \(record["steps"]?.int ?? 0) steps, trained \(record["trained_parameters"]?.int ?? 0)"
      + " of \(record["all_parameters"]?.int ?? 0) weights")
}
let curves = [
  try curve("stage0/language", "stage 0, text alone"), try curve("stage1", "stage 1"), try curve("stage2", "stage 2"),
]
show(
  svg: try LinePlot(
    xLabel: "optimizer step", yLabel: "loss per supervised token",
    series: curves.enumerated().map { .init($1.name, x: $1.steps, y: $1.losses, color: $0) }
  ).svg())
for curve in curves {
  print(curve.name + ":", String(format: "%.2f to %.2f", curve.losses.first ?? .nan, curve.losses.last ?? .nan))
}

// %% [markdown]
// ## Ask and score
//
// `final_model` holds all that answering needs: the three parts, the tokenizer, and in `carina.json` how prompts are
// laid out and images prepared. Its language model opens in `transformers` as it is.
//
// Three questions decide what a score is worth: what the commonest answer scores without any model, what is left when
// the questions are asked about another image, and whether the images were trained on. Here the model is right about
// every image that it was trained on, far less often when another one is shown instead, and about images that it
// has not seen not much more often than the commonest answer: it has learned these images by heart. The last picture
// shows by what it knows one of them; see whether that is the nodule that it was asked about.

// %% Ask about an image that the model has never seen
Notebook.mark()
let directory = try JoinedModelDirectory(path: "\(work)/stage2/final_model")
let model = try directory.load(precision: .float32, on: device).model
var generation = GenerationOptions()
generation.maximumNewTokens = 24
let generator = Generator(model: model, stopTokens: renderer.stopTokens, options: generation)

/// Answers all questions of a shard directory, each about its own image or about the one so many positions further.
@MainActor func ask(_ shards: ShardDirectory, shift: Int = 0) throws -> [ScoredAnswer] {
  let samples = try ShardSamples(shards, transform: shards.transform)
  let pixels = try samples.tensor(ofImages: Array(0..<shards.imageCount), on: device)
  let features = model.features(pixels, count: shards.imageCount, tape: nil)
  let prompts = try (0..<shards.sampleCount).map { index in
    ImageTextSequence(
      try renderer.generation(question: samples.text(index).question),
      image: (samples.image(of: index) + shift) % shards.imageCount)
  }
  let answers = try generator.answers(prompts, imageRows: model.projector(features, tape: nil))
  return answers.enumerated().map { index, ids in
    let sample = shards.sample(index)
    return ScoredAnswer(
      id: sample.id, image: shards.image(sample.imageRow).id, question: sample.question,
      prediction: tokenizer.decode(ids, skipSpecialTokens: true), references: [sample.answer],
      answerType: sample.answerType, questionType: sample.questionType)
  }
}

let answers = try ask(heldOut)
show(image: try PNGEncoder.encode(heldOut.pixels(imageRow: 0).values, side: 64))
show(
  table: [["question", "truth", "answer"]]
    + answers.filter { $0.image == answers[0].image }.map { [$0.question, $0.references[0], $0.prediction] })

// %% Score all answers
Notebook.mark()
let byHeart = try ask(questions)
let reports = [
  ("trained on", byHeart), ("trained on, another image", try ask(questions, shift: questions.imageCount / 2)),
  ("held out", answers),
].map { (name: $0, report: MetricSuite.standard.evaluate($1)) }
let rowsOfScores = ["closed-accuracy", "exact-match-open", "exact-match", "token-f1"].map { metric in
  [metric]
    + reports.map { column in
      guard let score = column.report.metrics[metric] else { return "" }
      let interval = [score.low, score.high].compactMap { $0 }.map { MetricTable.number($0, of: metric) }
      return "\(MetricTable.number(score.value, of: metric)) (\(interval.joined(separator: " – ")))"
    }
    + [reports[2].report.floors[metric]?["always"].map { MetricTable.number($0.value, of: metric) } ?? ""]
}
show(table: [["metric"] + reports.map(\.name) + ["held out, the commonest answer"]] + rowsOfScores)
let resampling = reports[2].report.bootstrap
print("In parentheses: 95% intervals, from \(resampling.replicates) resamples by \(resampling.unit).")

// %% By what does it know the image?
Notebook.mark()
// A square at a time is covered. What makes the right answer less likely is what the model goes by.
let known = byHeart.indices.first { byHeart[$0].questionType == "nodule-zone" } ?? 0
let asked = questions.sample(known)
let stored = try questions.pixels(imageRow: asked.imageRow)
let bare = questions.transform.normalized(stored.expanded())
let square = 16, step = 8, positions = (64 - square) / step + 1
var pictures = [bare]
for position in 0..<positions * positions {
  var covered = bare
  for channel in 0..<3 {
    for y in 0..<square {
      let start = (channel * 64 + position / positions * step + y) * 64 + position % positions * step
      for x in start..<start + square { covered[x] = 0 }
    }
  }
  pictures.append(covered)
}
let features = model.features(
  Tensor(pictures.flatMap { $0 }, shape: [pictures.count, bare.count], on: device), count: pictures.count, tape: nil)
let target = try renderer.training(question: asked.question, answer: asked.answer)
let tokenLosses = model.loss(
  pictures.indices.map { ImageTextSequence(target, image: $0) }, imageRows: model.projector(features, tape: nil),
  scale: 1, tape: nil
).tokenLosses
let losses = pictures.indices.map { picture in
  tokenLosses[picture * target.supervisedCount..<(picture + 1) * target.supervisedCount].reduce(0, +)
}
let costs = losses.dropFirst().map { max(0, $0 - losses[0]) }
let highest = max(costs.max() ?? 0, .leastNormalMagnitude)
let squares = costs.enumerated().map { position, cost in
  "<rect x='\(position % positions * step + step / 2)' y='\(position / positions * step + step / 2)' width='\(step)' "
    + "height='\(step)' fill='#ff8800' fill-opacity='\(String(format: "%.2f", 0.75 * cost / highest))'/>"
}
let png = try PNGEncoder.encode(stored.values, side: 64).base64EncodedString()
show(
  svg: "<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 64 64' width='320' height='320'>"
    + "<image href='data:image/png;base64,\(png)' width='64' height='64'/>\(squares.joined())</svg>")
print("\(asked.question) Truth: \(asked.answer). Answer: \(byHeart[known].prediction).")
print("Covering the strongest square costs", String(format: "%.2f nats.", highest))
