import Foundation
import TestSupport
import Testing

import Carina

@Suite struct InferTests {
  private let tiny: TinyJoinedModel

  init() throws { tiny = try TinyJoinedModel(seed: 6) }

  private func infer(_ arguments: [String], input: String? = nil) throws -> ProgramRun {
    var prefix = ""
    if let input {
      try AtomicFile.write(input, to: tiny.file("stdin"))
      prefix = "exec < '\(tiny.file("stdin"))';"
    }
    return try ProgramRun(
      "infer", ["--precision", "fp32", "--max-new-tokens", "7"] + arguments, shellPrefix: prefix)
  }

  private func expected(_ image: String, _ question: String) throws -> Answer {
    var options = GenerationOptions()
    options.maximumNewTokens = 7
    let session = try AnswerSession(AnsweringModel.load(checkpoint: tiny.path, precision: .float32), options: options)
    return try session.answer(ImageQuestion(imagePath: image, question: question)).answer
  }

  @Test("stdout holds the answer alone, stderr the resolved options")
  func oneQuestion() throws {
    let image = try tiny.image(1)
    let run = try infer(["--checkpoint", tiny.path, "--image_path", image, "--question", "is there an effusion?"])
    #expect(run.exitCode == 0, "\(run.errors)")
    #expect(run.output == (try expected(image, "is there an effusion?").text) + "\n")
    for text in ["prompt-style", "gemma", "fp32", "greedy", "max-q-len", "24"] {
      #expect(run.errors.contains(text), "\(run.errors)")
    }
  }

  @Test("--json tells the answer, its tokens and the seconds; the parts answer as the whole does")
  func json() throws {
    let image = try tiny.image(1)
    let answer = try expected(image, "is there an effusion?")
    for model in [
      ["--checkpoint", tiny.path],
      [
        "--vision-model", tiny.path + "/vision_encoder", "--llm-path", tiny.path + "/language_model",
        "--projector-path", tiny.path + "/projection_layer", "--prompt-style", "gemma",
      ],
      [
        "--vision-model", tiny.path + "/vision_encoder", "--llm-path", tiny.path + "/language_model",
        "--projector-path", tiny.path,
      ],
    ] {
      let run = try infer(model + ["--image-path", image, "--question", "is there an effusion?", "--json"])
      #expect(run.exitCode == 0, "\(run.errors)")
      let record = try JSONValue.parse(run.output, source: "stdout")
      #expect(record["answer"]?.string == answer.text)
      #expect(record["tokens"]?.int == answer.tokens.count)
      #expect(record["finish"]?.string == (answer.reachedEnd ? "stop" : "limit"))
      for part in ["load", "image", "vision", "prefill", "decode"] {
        #expect((record["seconds"]?[part]?.double ?? -1) >= 0, "\(part)")
      }
    }
  }

  @Test("many questions come back in order; a bad line is told by its number and makes the exit code 65")
  func manyQuestions() throws {
    let (one, two) = (try tiny.image(1), try tiny.image(2))
    try AtomicFile.write(
      """
      {"id": "a", "image": "\(one)", "question": "is there an effusion?"}
      {"id": "b", "image": "image-2.png", "problem": "is the heart enlarged?"}
      {"id": "c", "image": "gone.png", "question": "no?"}
      {"id": "d", "image_path": "\(two)", "question": "is there an effusion?"}
      """, to: tiny.file("questions.jsonl"))
    let run = try infer(
      [
        "--checkpoint", tiny.path, "--input", tiny.file("questions.jsonl"), "--image-root",
        (one as NSString).deletingLastPathComponent, "--json", "--batch-size", "3",
      ])
    #expect(run.exitCode == 65)
    #expect(run.errors.contains("line 3") && run.errors.contains("gone.png"), "\(run.errors)")
    let records = try run.output.split(separator: "\n").map { try JSONValue.parse(String($0), source: "stdout") }
    #expect(records.map { $0["id"]?.string } == ["a", "b", "c", "d"])
    #expect(records[2]["line"] == 3 && records[2]["error"]?.string?.contains("gone.png") == true)
    for (record, asked) in zip(
      [records[0], records[1], records[3]],
      [(one, "is there an effusion?"), (two, "is the heart enlarged?"), (two, "is there an effusion?")])
    {
      #expect(record["answer"]?.string == (try expected(asked.0, asked.1).text))
    }
    let plain = try infer(
      ["--checkpoint", tiny.path, "--input", "-"], input: "{\"image\": \"\(one)\", \"question\": \"no?\"}\n")
    #expect(plain.exitCode == 0)
    #expect(plain.output == "\(one): no?\n\(try expected(one, "no?").text)\n\n")
  }

  @Test("without a question lines are read from stdin, and earlier turns are remembered")
  func conversation() throws {
    let image = try tiny.image(1)
    let run = try infer(
      ["--checkpoint", tiny.path, "--image-path", image, "--json"],
      input: "is there an effusion?\n\n\(String(repeating: "z", count: 60))\nno?\n")
    #expect(run.exitCode == 65)
    #expect(run.errors.contains("line 3"), "\(run.errors)")
    let records = try run.output.split(separator: "\n").map { try JSONValue.parse(String($0), source: "stdout") }
    #expect(records.map { $0["question"]?.string } == ["is there an effusion?", "no?"])
    #expect(records[0]["answer"]?.string == (try expected(image, "is there an effusion?").text))
    #expect((records[1]["prompt_tokens"]?.int ?? 0) > (try expected(image, "no?").promptRows))

    let plain = try TinyJoinedModel(style: .plain)
    #expect(try infer(["--checkpoint", plain.path, "--image-path", image], input: "no?\n").exitCode == 64)
    let caption = try infer(["--checkpoint", plain.path, "--image-path", image, "--question", ""])
    #expect(caption.exitCode == 0 && !caption.output.isEmpty, "\(caption.errors)")
  }

  @Test("an empty question is answered as an evaluation answers it")
  func emptyQuestion() throws {
    let image = try tiny.image(1), folder = (image as NSString).deletingLastPathComponent
    try AtomicFile.write(
      """
      [{"image": "image-1.png", "caption": "x"}, {"image": "image-1.png", "problem": "no?", "normal_caption": "x"}]
      """, to: tiny.file("records.json"))
    _ = try Preprocessor.run(
      PreprocessOptions(
        records: tiny.file("records.json"), imageRoots: [folder], output: tiny.file("shards"),
        transform: ImageTransform(size: 16)))
    let evaluation = try ProgramRun(
      "evaluate",
      [
        "--checkpoint", tiny.path, "--shards", tiny.file("shards"), "--output-dir", tiny.file("scores"),
        "--precision", "fp32", "--max-new-tokens", "7", "--bootstrap", "0",
      ])
    #expect(evaluation.exitCode == 0, "\(evaluation.errors)")
    let predictions = try PredictionsFile.read(tiny.file("scores/predictions.jsonl")).map(\.prediction)
    for (question, prediction) in zip(["", "no?"], predictions) {
      let run = try infer(["--checkpoint", tiny.path, "--image-path", image, "--question", question])
      #expect(run.exitCode == 0 && run.errors.contains("the question is empty") == question.isEmpty, "\(run.errors)")
      let answer = try expected(image, question)
      #expect(run.output == answer.text + "\n", "\(question)")
      // A text that was streamed differs from the whole where bytes make no character.
      let tokenizer = try TokenizerFactory.load(directory: tiny.path + "/language_model")
      #expect(prediction == tokenizer.decode(answer.tokens, skipSpecialTokens: true))
    }
  }

  @Test("a negative length penalty after a space is the one after an equals sign")
  func negativeNumber() throws {
    let image = try tiny.image(1)
    let asked = ["--checkpoint", tiny.path, "--image-path", image, "--question", "no?", "--num-beams", "3"]
    let runs = try [["--length-penalty=-1"], ["--length-penalty", "-1"], ["--length_penalty", "-1e0"]].map {
      try infer(asked + $0)
    }
    for run in runs { #expect(run.exitCode == 0 && run.output == runs[0].output, "\(run.errors)") }
    #expect(runs[1].errors.contains("length-penalty") && runs[1].errors.contains("-1.0"))
  }

  @Test("what is wrong with the command line ends with 64")
  func usage() throws {
    let image = try tiny.image(1)
    let asked = ["--image-path", image, "--question", "no?"]
    let whole = ["--checkpoint", tiny.path]
    let wrong: [([String], String)] = [
      (asked, "--checkpoint"), (whole, "--image-path"), (whole + asked + ["--input", "x"], "--image-path"),
      (whole + asked + ["--llm-path", "x"], "--llm-path"), (asked + ["--llm-path", "x"], "--vision-model"),
      (whole + asked + ["--precision", "fp16"], "range"),
      (whole + asked + ["--top-k", "5"], "--temperature"), (whole + asked + ["--num-beams", "0"], "--num-beams"),
      (whole + asked + ["--matmul", "mkl"], "onednn"), (whole + asked + ["--nonsense"], "nonsense"),
    ]
    for (arguments, text) in wrong {
      let run = try infer(arguments)
      #expect(run.exitCode == 64, "\(arguments): \(run.errors)")
      #expect(run.errors.contains(text), "\(arguments): \(run.errors)")
      #expect(run.output.isEmpty)
    }
  }

  @Test("bad data ends with 65, missing input with 66, and both name the file")
  func files() throws {
    let image = try tiny.image(1)
    func ask(_ model: String, _ image: String, _ question: String = "no?") throws -> ProgramRun {
      try infer(["--checkpoint", model, "--image-path", image, "--question", question])
    }
    func expectEnd(_ run: ProgramRun, _ code: Int, _ text: String) {
      #expect(run.exitCode == code, "\(run.errors)")
      #expect(run.errors.contains(text), "\(run.errors)")
      #expect(run.output.isEmpty)
    }
    expectEnd(try ask(tiny.path, tiny.file("gone.png")), 66, "gone.png")
    expectEnd(try ask(tiny.file("nowhere"), image), 66, "nowhere")
    try AtomicFile.write("These are words.", to: tiny.file("words.png"))
    expectEnd(try ask(tiny.path, tiny.file("words.png")), 65, "words.png")
    try AtomicFile.write("", to: tiny.file("empty.png"))
    expectEnd(try ask(tiny.path, tiny.file("empty.png")), 65, "empty.png")
    expectEnd(try ask(tiny.path, image, String(repeating: "z", count: 60)), 65, "--max-q-len")
    expectEnd(
      try infer(["--checkpoint", tiny.path, "--input", tiny.file("gone.jsonl")]), 66, "gone.jsonl")
    let weights = tiny.path + "/language_model/model.safetensors"
    let bytes = try Data(contentsOf: URL(fileURLWithPath: weights))
    try bytes.prefix(bytes.count - 100).write(to: URL(fileURLWithPath: weights))
    expectEnd(try ask(tiny.path, image), 65, "language_model")
  }

  @Test("help has an example, and the version is there")
  func help() throws {
    let help = try ProgramRun("infer", ["--help"])
    #expect(help.exitCode == 0)
    #expect(help.output.contains("Example: infer --checkpoint"))
    let answer = try ProgramRun("infer", ["answer", "--help"])
    for option in ["--checkpoint", "--image-path", "--question", "--num-beams", "--precision", "--threads"] {
      #expect(answer.output.contains(option), "\(option)")
    }
    #expect(try ProgramRun("infer", ["--version"]).output.contains(CarinaVersion.current))
  }
}
