import Carina
import Foundation
import TestSupport
import Testing

@Suite("Mapped files that are cut short") struct LostFileTests {
  private let tiny: TinyJoinedModel
  private let decoder: String

  init() throws {
    tiny = try TinyJoinedModel(seed: 6)
    decoder = tiny.path + "/language_model/model.safetensors"
  }

  private func conversation() throws -> LiveProgram {
    try LiveProgram(
      "infer",
      [
        "--checkpoint", tiny.path, "--image-path", try tiny.image(1), "--precision", "fp32", "--max-new-tokens", "3",
        "--threads", "2",
      ])
  }

  private func expectLoss(_ program: LiveProgram, _ path: String) {
    #expect(program.end() == 65, "\(program.errors)")
    let last = program.errors.split(separator: "\n").last ?? ""
    #expect(last.hasPrefix("error: \(path): was cut short while it was in use; expected "), "\(program.errors)")
    #expect(last.hasSuffix(".") && program.errors.hasSuffix("\n"))
  }

  @Test("in the middle of use: one error that names the file, exit code 65")
  func middle() throws {
    let program = try conversation()
    program.tell("is there an effusion?")
    try #require(program.wait { $0.output.hasSuffix("\n") }, "\(program.errors)")
    try #require(truncate(decoder, 0) == 0)
    program.tell("is the heart enlarged?")
    expectLoss(program, decoder)
  }

  @Test("before the bytes were touched for the first time")
  func before() throws {
    let program = try conversation()
    try #require(program.wait { $0.errors.contains("image-path") }, "\(program.errors)")
    try #require(truncate(decoder, 100) == 0)
    program.tell("is there an effusion?")
    expectLoss(program, decoder)
  }

  @Test("a signal that somebody sends, or a fault elsewhere, ends a program as ever")
  func others() throws {
    let program = try conversation()
    try #require(program.wait { $0.errors.contains("image-path") }, "\(program.errors)")
    program.signal(SIGBUS)
    #expect(program.end() == 128 + Int(SIGBUS))
    #expect(!program.errors.contains("error:"))
  }

  @Test("training: the checkpoint before it stays whole, and the run goes on from it to the bytes of an unbroken one")
  func training() throws {
    let world = try TrainingWorld.shared()
    let (broken, whole) = (try TrainingOutput(), try TrainingOutput())
    let directory = try TemporaryDirectory()
    try FileManager.default.copyItem(atPath: world.vision, toPath: directory.file("vision"))
    let file = directory.file("vision/model.safetensors")
    let bytes = try #require(FileManager.default.contents(atPath: file))
    let options = [
      "--train-shards", world.questions, "--vision-model", directory.file("vision"), "--llm", world.language,
      "--stage1-projector-path", world.projector, "--batch-size", "4", "--max-steps", "300", "--num-epochs", "100",
      "--save-every-n-steps", "5", "--precision", "fp32", "--threads", "1", "--output-dir",
    ]
    let program = try LiveProgram("train-stage2", options + [broken.path])
    let hasCheckpoint = program.wait { _ in
      FileManager.default.fileExists(atPath: broken.file("checkpoints/step-10/state.json"))
    }
    try #require(hasCheckpoint, "\(program.errors)")
    try #require(truncate(file, 0) == 0)
    expectLoss(program, file)
    try bytes.write(to: URL(fileURLWithPath: file))
    for output in [broken.path, whole.path] {
      let run = try ProgramRun("train-stage2", options + [output])
      #expect(run.exitCode == 0, "\(run.errors)")
    }
    let weights = "final_model/language_model/model.safetensors"
    #expect(
      FileManager.default.contents(atPath: broken.file(weights))
        == FileManager.default.contents(atPath: whole.file(weights)))
    #expect(try FileManager.default.contentsOfDirectory(atPath: broken.path).allSatisfy { !$0.contains("partial") })
  }
}
