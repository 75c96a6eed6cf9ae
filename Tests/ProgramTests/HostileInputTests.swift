import Carina
import Foundation
import TestSupport
import Testing

@Suite("Hostile inputs, programs") struct HostileInputTests {
  private let tiny: TinyEvaluation
  private var directory: TemporaryDirectory { tiny.directory }

  init() throws { tiny = try TinyEvaluation() }

  private func sparse(_ name: String, _ byteCount: Int) throws -> String {
    let path = directory.file(name)
    try Data().write(to: URL(fileURLWithPath: path))
    try #require(truncate(path, off_t(byteCount)) == 0)
    return path
  }

  /// A file of one good prediction.
  private func predictions(_ line: String = #"{"id": "a", "prediction": "yes", "reference": "yes"}"#) throws -> String {
    let path = directory.file("predictions.jsonl")
    try AtomicFile.write(line + "\n", to: path)
    return path
  }

  @Test("files of gigabytes are refused with the limit, in little memory", arguments: [5 << 30, 3 << 30])
  func sizes(byteCount: Int) throws {
    let huge = try sparse("huge", byteCount), one = try predictions()
    for arguments in [
      ["evaluate", "--predictions", huge, "--output-dir", directory.file("o")],
      ["evaluate", "--predictions", one, "--expected", huge, "--output-dir", directory.file("o")],
      ["evaluate", "--predictions", one, "--train-logs", "a=\(huge)", "--output-dir", directory.file("o")],
      ["infer", "--checkpoint", tiny.checkpoint, "--input", huge],
      ["preprocess", "--json", huge, "--image-root", directory.path, "--output", directory.file("o")],
      [
        "preprocess", "--json", huge, "--format", "padchest", "--image-root", directory.path, "--output",
        directory.file("o"),
      ],
      ["preprocess", "inspect", directory.path],
    ] {
      if arguments[1] == "inspect" { try AtomicFile.write("{", to: directory.file("manifest.json")) }
      if arguments[1] == "inspect" { _ = try sparse("manifest.json", byteCount) }
      // What the program maps from its libraries is half of it.
      let run = try ProgramRun(arguments[0], Array(arguments.dropFirst()), shellPrefix: "ulimit -v 1500000;")
      #expect(run.exitCode == 65, "\(arguments): \(run.errors)")
      #expect(
        run.errors.contains("MiB") || run.errors.contains("GiB") || run.errors.contains("no records"), "\(run.errors)")
    }
    #expect(!FileManager.default.fileExists(atPath: directory.file("o")))
  }

  @Test("a pipe is refused wherever a file is read")
  func pipes() throws {
    let pipe = directory.file("pipe"), one = try predictions()
    try #require(mkfifo(pipe, 0o600) == 0)
    let image = directory.file("archive/images")
    let output = ["--output-dir", directory.file("o")], checkpoint = ["--checkpoint", tiny.checkpoint]
    var cases = [
      ["evaluate", "--predictions", pipe] + output, ["evaluate", "--predictions", one, "--expected", pipe] + output,
      ["evaluate", "--predictions", one, "--train-logs", "a=\(pipe)"] + output,
      ["infer", "--input", pipe] + checkpoint, ["infer", "--image-path", pipe, "--question", "yes?"] + checkpoint,
      ["preprocess", "--json", pipe, "--image-root", image, "--output", directory.file("o")],
      ["preprocess", "--json", pipe, "--format", "padchest", "--image-root", image, "--output", directory.file("o")],
    ]
    // The same in the place of each file of a model and of shards.
    for (number, name) in [
      "model/carina.json", "model/language_model/model.safetensors", "model/language_model/config.json",
      "model/tokenizer.json", "model/projection_layer/projector_config.json",
    ].enumerated() {
      let copy = directory.file("copy-\(number)")
      try FileManager.default.copyItem(atPath: tiny.checkpoint, toPath: copy)
      let path = copy + name.dropFirst("model".count)
      guard (try? FileManager.default.removeItem(atPath: path)) != nil else { continue }
      try #require(mkfifo(path, 0o600) == 0)
      cases.append(["evaluate", "--checkpoint", copy, "--shards", tiny.shards] + output)
    }
    for (number, name) in ["manifest.json", "shard-00000.h5"].enumerated() {
      let copy = directory.file("shards-\(number)")
      try FileManager.default.copyItem(atPath: tiny.shards, toPath: copy)
      try FileManager.default.removeItem(atPath: copy + "/" + name)
      try #require(mkfifo(copy + "/" + name, 0o600) == 0)
      cases += [["preprocess", "inspect", copy], ["preprocess", "verify", copy]]
    }
    for arguments in cases {
      let program = try LiveProgram(arguments[0], Array(arguments.dropFirst()))
      let isOver = program.wait(atMost: 30) { $0.errors.contains("error") }
      #expect(isOver, "\(arguments)")
      guard isOver else { continue }
      #expect(program.end() == 65, "\(arguments): \(program.errors)")
      #expect(program.errors.contains("is no plain file"), "\(arguments): \(program.errors)")
    }
  }

  @Test("texts and names from data are shown escaped by inspect, audit, errors, headers and pages; JSON keeps them")
  func shown() throws {
    let evil = "\u{1B}]0;owned\u{7}\u{202E}gnp\n\u{9B}2J", name = "im\u{1B}[31m\u{202E}age.png"
    let archive = directory.file("evil\u{1B}[2J")
    try FileManager.default.createDirectory(atPath: archive, withIntermediateDirectories: true)
    let images = try FileManager.default.contentsOfDirectory(atPath: directory.file("archive/images")).sorted()
    try FileManager.default.copyItem(
      atPath: directory.file("archive/images/\(images[0])"), toPath: archive + "/" + name)
    let record: JSONValue = [
      "image": .string(name), "problem": .string(evil), "normal_caption": .string("Größe " + evil),
      "patient": .string(evil), "view": .string(evil), "answer_type": .string(evil), "question_type": .string(evil),
      "split": "s", "id": .string(evil),
    ]
    let missing: JSONValue = ["image": .string("not" + evil), "caption": "x", "patient": "y", "split": "s"]
    try AtomicFile.write(try JSONValue.array([record, missing]).serialized(), to: archive + "/records.json")
    var runs: [ProgramRun] = []
    for output in ["one", "two"] {
      runs.append(
        try ProgramRun(
          "preprocess",
          [
            "--json", archive + "/records.json", "--image-root", archive, "--output", archive + "/" + output,
            "--image-size", "32", "--max-rejected", "1",
          ]))
    }
    #expect(runs[0].exitCode == 0, "\(runs[0].errors)")
    runs.append(try ProgramRun("preprocess", ["inspect", archive + "/one", "--output", archive + "/page"]))
    runs.append(try ProgramRun("preprocess", ["audit", archive + "/one", archive + "/two"]))
    runs.append(try ProgramRun("preprocess", ["inspect", archive + "/none"]))
    runs.append(try ProgramRun("preprocess", ["inspect", "--sho\u{1B}[31m"]))
    let prediction: JSONValue = [
      "id": .string(evil), "prediction": .string(evil), "reference": .string(evil), "answer_type": .string(evil),
    ]
    let one = try predictions(try prediction.serialized())
    runs.append(try ProgramRun("evaluate", ["--predictions", one, "--output-dir", archive + "/scores"]))
    runs.append(
      try ProgramRun(
        "infer", ["--checkpoint", archive + "/none", "--image-path", archive + "/" + name, "--question", evil]))
    for run in runs {
      for text in [run.output, run.errors] {
        let acting = text.unicodeScalars.filter {
          $0.value != 0x0A && ($0.properties.generalCategory == .control || $0.properties.isDefaultIgnorableCodePoint)
        }
        #expect(acting.isEmpty, "\(acting) in \(text)")
        #expect(!text.contains("gnp\n"))
      }
    }
    #expect(runs[2].output.contains("Größe \\u{1B}]0;owned\\u{7}\\u{202E}gnp\\n\\u{9B}2J"), "\(runs[2].output)")
    #expect(runs[3].exitCode == 65 && runs[3].errors.contains("\\u{202E}") == false)
    for page in [archive + "/page/inspection.html", archive + "/scores/report.html"] {
      let html = try String(contentsOfFile: page, encoding: .utf8)
      #expect(!html.contains("\u{202E}") && !html.contains("\u{1B}") && html.contains("\\u{202E}"))
    }
    #expect(try PredictionsFile.read(archive + "/scores/predictions.jsonl").first?.prediction == evil)
    #expect(try ShardDirectory(archive + "/one").sample(0).question == evil.trimmingCharacters(in: .whitespaces))
  }

  @Test("one evaluation at a time: the second ends with 64 before it reads or writes anything, the next one runs")
  func lock() throws {
    let output = directory.file("scores"), one = try predictions()
    let scoring = ["--predictions", one, "--output-dir", output]
    let asking = [
      "--checkpoint", tiny.checkpoint, "--shards", tiny.shards, "--output-dir", output, "--max-new-tokens", "2",
      "--precision", "fp32", "--limit", "2",
    ]
    do {
      let lock = try EvaluationLock(outputDirectory: output)
      defer { withExtendedLifetime(lock) {} }
      for arguments in [scoring, asking] {
        let run = try ProgramRun("evaluate", arguments)
        #expect(run.exitCode == 64, "\(run.errors)")
        #expect(run.errors.contains("another process is evaluating into this directory"), "\(run.errors)")
      }
      #expect(
        try FileManager.default.subpathsOfDirectory(atPath: output).sorted() == [
          "evaluation.partial", "evaluation.partial/lock",
        ])
    }
    #expect(!FileManager.default.fileExists(atPath: output))
    for arguments in [scoring, asking] {
      let run = try ProgramRun("evaluate", arguments)
      #expect(run.exitCode == 0, "\(run.errors)")
      #expect(!FileManager.default.fileExists(atPath: output + "/evaluation.partial"))
    }
    // A name of one letter, in the current directory.
    let short = try ProgramRun(
      "evaluate", ["--predictions", one, "--output-dir", "o"], shellPrefix: "cd '\(directory.path)';")
    #expect(short.exitCode == 0, "\(short.errors)")
    // What fails leaves no directory.
    let failed = try ProgramRun(
      "evaluate", ["--predictions", directory.file("none"), "--output-dir", directory.file("a/b")])
    #expect(failed.exitCode == 66 && !FileManager.default.fileExists(atPath: directory.file("a")))
  }

  @Test("preprocess says which images lie outside the roots, and rejects them with --confine")
  func confined() throws {
    let archive = directory.file("archive")
    let images = try FileManager.default.contentsOfDirectory(atPath: archive + "/images").sorted()
    let records: JSONValue = [
      ["image": .string("../images/" + images[0]), "caption": "x"], ["image": .string(images[1]), "caption": "y"],
    ]
    try FileManager.default.createDirectory(atPath: archive + "/own", withIntermediateDirectories: true)
    try FileManager.default.copyItem(atPath: "\(archive)/images/\(images[1])", toPath: "\(archive)/own/\(images[1])")
    try AtomicFile.write(try records.serialized(), to: archive + "/some.json")
    func preprocess(_ extra: [String]) throws -> ProgramRun {
      try ProgramRun(
        "preprocess",
        [
          "--json", archive + "/some.json", "--image-root", archive + "/own", "--output", directory.file("some"),
          "--image-size", "32", "--max-rejected", "1",
        ] + extra)
    }
    let plain = try preprocess([])
    #expect(plain.exitCode == 0, "\(plain.errors)")
    #expect(
      plain.output.contains("1 images lie outside the image roots") && plain.output.contains("../images/\(images[0])"))
    let confined = try preprocess(["--confine"])
    #expect(confined.exitCode == 0 && confined.output.contains("lies outside the image roots"), "\(confined.output)")
    #expect(confined.output.contains("left out: 1 images"))
  }
}
