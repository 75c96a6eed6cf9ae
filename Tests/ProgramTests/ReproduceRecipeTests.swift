import Foundation
import Testing

/// The commands of `make reproduce`, as `make -n` prints them; nothing is run.
@Suite("make reproduce, its commands") struct ReproduceRecipeTests {
  private func commands(_ arguments: [String]) throws -> String {
    let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent()
    let process = Process(), pipe = Pipe()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    // As if nothing were there, and without what a make that runs these tests was told.
    process.arguments =
      ["-u", "MAKEFLAGS", "-u", "MAKELEVEL", "-u", "MFLAGS", "make", "-n", "-B", "evaluate"] + arguments
    process.currentDirectoryURL = root
    process.standardOutput = pipe
    try process.run()
    let output = pipe.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    #expect(process.terminationStatus == 0)
    return String(decoding: output, as: UTF8.self).replacing("\\\n", with: "")
  }

  private func command(_ program: String, in text: String) throws -> String {
    try String(#require(text.split(separator: "\n").first { $0.contains("/\(program) ") }))
      .split(separator: " ", omittingEmptySubsequences: true).joined(separator: " ")
  }

  @Test("the default trains an MLP with backbones of its own")
  func standard() throws {
    let text = try commands([])
    let stage0 = try command("train-stage0", in: text), stage1 = try command("train-stage1", in: text)
    #expect(stage0.contains("--output-dir results/reproduce/stage0 "))
    #expect(
      stage1.contains(
        "--output-dir results/reproduce/stage1 --seed 1 --projector-hidden 384 --batch-size 32 --gradient-accumulation-steps 1"
      ), "\(stage1)")
    #expect(!stage1.contains("--projector "))
    #expect(try command("evaluate", in: text).contains("--output-dir results/reproduce --arms"))
  }

  @Test("a GPU that is named goes into every command that computes, and has results of its own")
  func device() throws {
    let text = try commands(["DEVICE=cuda:1"]), run = "results/reproduce-cuda-1"
    for program in ["train-stage0", "train-stage1", "train-stage2", "evaluate"] {
      let command = try command(program, in: text) + " "
      #expect(command.contains(" --device cuda:1 ") && command.contains(run), "\(command)")
    }
    #expect(try command("train-stage0", in: text).contains("--output-dir \(run)/stage0 "))
    let form = try commands(["DEVICE=cuda", "PROJECTOR=mlp2x"])
    #expect(try command("train-stage0", in: form).contains("--output-dir results/reproduce-cuda/stage0 "))
    #expect(try command("evaluate", in: form).contains("--output-dir results/reproduce-mlp2x-cuda "))
    let processor = try commands(["DEVICE=cpu"])
    #expect(try command("evaluate", in: processor).contains("--output-dir results/reproduce --arms"))
    #expect(try !command("evaluate", in: commands([])).contains("--device"))
  }

  @Test("another projector has results of its own over the default's backbones, and the same expectations")
  func forms() throws {
    for (form, own) in [("gemma3", "--projector gemma3 --image-tokens 16 "), ("mlp2x", "--projector mlp2x ")] {
      let text = try commands(["PROJECTOR=\(form)"])
      let run = "results/reproduce-\(form)"
      #expect(try command("train-stage0", in: text).contains("--output-dir results/reproduce/stage0 "))
      let stage1 = try command("train-stage1", in: text), stage2 = try command("train-stage2", in: text)
      #expect(stage1.contains("--output-dir \(run)/stage1 --seed 1 \(own)--batch-size 32"), "\(stage1)")
      for stage in [stage1, stage2] {
        #expect(stage.contains("--vision-model results/reproduce/stage0/vision/final_model"), "\(stage)")
        #expect(stage.contains("--llm results/reproduce/stage0/language/final_model"), "\(stage)")
      }
      #expect(stage2.contains("--stage1-projector-path \(run)/stage1/final_model/projection_layer"), "\(stage2)")
      let evaluate = try command("evaluate", in: text)
      for part in [
        "--checkpoint \(run)/stage2/final_model", "--expected results/expected.json", "--output-dir \(run) ",
      ] {
        #expect(evaluate.contains(part), "\(evaluate)")
      }
    }
  }
}
