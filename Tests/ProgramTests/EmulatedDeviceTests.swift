import Carina
import Foundation
import TestSupport
import Testing

/// Programs on the emulated card of `Tests/CUDAEmulation`, which has faults on request.
@Suite(
  "Programs, what can be wrong with a GPU",
  .enabled(if: CUDATestDevice.emulation != nil, "no compiler of C++ builds the emulated card"))
struct EmulatedDeviceTests {
  private let world: TrainingWorld
  private let run: TrainingOutput
  private let libraries: String

  init() throws {
    world = try TrainingWorld.shared()
    run = try TrainingOutput()
    libraries = try #require(CUDATestDevice.emulation)
  }

  /// A machine with the emulated card and these faults.
  private func machine(_ faults: [String: String] = [:], libraries: String? = nil) -> [String: String] {
    ["CARINA_CUDA_LIBRARIES": libraries ?? self.libraries, "CARINA_KERNEL_CACHE": run.directory.file("kernels")]
      .merging(faults) { $1 }
  }

  private func train(_ machine: [String: String], _ extra: [String]) throws -> ProgramRun {
    try ProgramRun(
      "train-stage1",
      [
        "--train-shards", world.captions, "--vision-model", world.vision, "--llm", world.language, "--init-projector",
        world.projector, "--output-dir", run.path, "--batch-size", "1", "--gradient-accumulation-steps", "1",
        "--max-steps", "3", "--learning-rate", "1e-3", "--warmup-ratio", "0", "--threads", "1",
      ] + extra, environment: machine)
  }

  private func expectRefusal(
    _ result: ProgramRun, _ words: [String], code: Int = 64, sourceLocation: SourceLocation = #_sourceLocation
  ) {
    #expect(result.exitCode == code, "\(result.errors)", sourceLocation: sourceLocation)
    for word in words {
      #expect(result.errors.contains(word), "\(word) in: \(result.errors)", sourceLocation: sourceLocation)
    }
    #expect(!FileManager.default.fileExists(atPath: run.path), sourceLocation: sourceLocation)
  }

  private func line(_ result: ProgramRun) -> String {
    result.errors.split(separator: "\n").first { $0.hasPrefix("  device ") }.map(String.init) ?? result.errors
  }

  @Test("a card is found, or named, and the header says which it is")
  func found() throws {
    let dry = ["--precision", "fp32", "--dry-run"]
    let automatic = try train(machine(), dry)
    #expect(automatic.exitCode == 0, "\(automatic.errors)")
    #expect(
      line(automatic).contains("cuda:0 Emulated GPU, 16.0 GiB, compute capability 9.0, driver 13.0 (auto: found)"),
      "\(automatic.errors)")
    let named = try train(machine(["CARINA_EMULATION_DEVICES": "2"]), dry + ["--device", "cuda:1"])
    #expect(
      named.exitCode == 0 && line(named).hasSuffix("driver 13.0") && line(named).contains("cuda:1"), "\(named.errors)")
    let processor = try train(machine(), dry + ["--device", "cpu"])
    #expect(processor.exitCode == 0 && line(processor).contains("processor, "), "\(processor.errors)")
    let library = try train(machine(), dry + ["--matmul", "openblas"])
    #expect(
      library.exitCode == 0 && line(library).contains("(auto: --matmul openblas is the processor's)"),
      "\(library.errors)"
    )
    let rounded = try train(machine(), dry + ["--vision-weights", "int8"])
    #expect(line(rounded).contains("(auto: --vision-weights int8 is the processor's)"), "\(rounded.errors)")
  }

  @Test("kept kernels that were cut short or damaged are compiled anew")
  func damagedKernels() throws {
    let arguments = ["--precision", "fp32", "--device", "cuda"], directory = run.directory.file("kernels")
    let first = try train(machine(), arguments)
    #expect(first.exitCode == 0, "\(first.errors)")
    let names = try FileManager.default.contentsOfDirectory(atPath: directory).sorted()
    var whole: [String: Data] = [:]
    for (index, name) in names.enumerated() {
      let url = URL(fileURLWithPath: "\(directory)/\(name)"), data = try Data(contentsOf: url)
      whole[name] = data
      var damaged = data.prefix(index % 3 == 0 ? 0 : index % 3 == 1 ? data.count / 2 : data.count)
      if index % 3 == 2 { damaged[damaged.count / 3] ^= 1 }
      try damaged.write(to: url)
    }
    #expect(names.count > 2)
    try FileManager.default.removeItem(atPath: run.path)
    let second = try train(machine(), arguments)
    #expect(second.exitCode == 0, "\(second.errors)")
    for (name, data) in whole {
      #expect(try Data(contentsOf: URL(fileURLWithPath: "\(directory)/\(name)")).count == data.count, "\(name)")
    }
  }

  @Test("a number that no card has")
  func number() throws {
    expectRefusal(
      try train(machine(), ["--device", "cuda:3"]), ["no GPU of number 3", "cuda:0, the only one", "found cuda:3"])
    expectRefusal(
      try train(machine(["CARINA_EMULATION_DEVICES": "2"]), ["--device", "cuda:2"]),
      ["no GPU of number 2", "cuda:0 to cuda:1"])
    expectRefusal(
      try train(machine(["CARINA_EMULATION_DEVICES": "0"]), ["--device", "cuda"]),
      ["--device cuda:0 cannot be used: the NVIDIA driver finds no GPU", "nvidia-smi"])
  }

  @Test("a driver that is too old is told with both versions, and left aside where the choice is open")
  func driver() throws {
    let old = machine(["CARINA_EMULATION_DRIVER": "11080"])
    expectRefusal(
      try train(old, ["--device", "cuda"]),
      ["driver is too old", "expected one for CUDA 12.0 or later", "found CUDA 11.8", "--device cpu"])
    let automatic = try train(old, ["--dry-run"])
    #expect(
      automatic.exitCode == 0 && line(automatic).contains("(auto: the NVIDIA driver is too old: it has CUDA 11.8)"),
      "\(automatic.errors)")
  }

  @Test("a card without bf16 is refused for bf16 and taken for fp32")
  func bfloat16() throws {
    let turing = machine(["CARINA_EMULATION_CAPABILITY": "7.5"])
    expectRefusal(
      try train(turing, ["--device", "cuda", "--precision", "bf16"]),
      ["does not multiply bf16", "compute capability 8.0 or later", "found 7.5", "--precision fp32"])
    let automatic = try train(turing, ["--precision", "bf16", "--dry-run"])
    #expect(line(automatic).contains("(auto: Emulated GPU does not multiply bf16)"), "\(automatic.errors)")
    // What is left open is decided by the card, not by the processor beside it.
    for (capability, precision) in [("7.5", "float32"), ("8.0", "bfloat16")] {
      let open = try train(
        machine(["CARINA_EMULATION_CAPABILITY": capability]), ["--device", "cuda", "--dry-run"])
      #expect(open.exitCode == 0, "\(open.errors)")
      #expect(
        open.errors.split(separator: "\n").contains { $0.hasPrefix("  precision ") && $0.hasSuffix(" " + precision) },
        "\(capability): \(open.errors)")
    }
  }

  @Test("libraries that are not there are named, with where they were looked for and what brings them")
  func missingLibraries() throws {
    let directory = run.directory.file("libraries")
    try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
    for (file, missing) in [("libcuda.so.1", "libnvrtc"), ("libnvrtc.so.13", "libcublasLt")] {
      // Where CUDA is installed the system has them.
      guard dlopen("\(missing).so.13", RTLD_LAZY) == nil, dlopen("\(missing).so.12", RTLD_LAZY) == nil else { continue }
      try FileManager.default.copyItem(atPath: "\(libraries)/\(file)", toPath: "\(directory)/\(file)")
      let result = try train(machine(libraries: directory), ["--device", "cuda"])
      expectRefusal(
        result,
        ["cannot be used: \(missing).so.13 was not found in \(directory)", "CARINA_CUDA_LIBRARIES", "nvidia-cublas"])
      let automatic = try train(machine(libraries: directory), ["--dry-run"])
      #expect(automatic.exitCode == 0 && line(automatic).contains("(auto: \(missing)"), "\(automatic.errors)")
    }
  }

  @Test("memory that others hold is told with what is free, what was wanted, and what to do")
  func memory() throws {
    let image = try #require(FileManager.default.contentsOfDirectory(atPath: world.archive + "/images").min())
    let full = machine(["CARINA_EMULATION_MEMORY": "20000"])
    func infer(_ more: [String]) throws -> ProgramRun {
      try ProgramRun(
        "infer",
        [
          "--vision-model", world.vision, "--llm-path", world.language, "--projector-path", world.projector,
          "--image-path", "\(world.archive)/images/\(image)", "--question", "Where?", "--max-new-tokens", "2",
          "--precision", "fp32", "--device", "cuda",
        ] + more, environment: full)
    }
    expectRefusal(
      try infer([]), ["the run does not fit into the memory of the device", "nvidia-smi", "another --device"])
    expectRefusal(
      try infer(["--memory-limit", "100"]),
      ["the memory of the GPU is used up", "free of 19.5 KiB", "more, found", "--device would help"])
    let training = try train(full, ["--device", "cuda", "--precision", "fp32"])
    expectRefusal(training, ["the run does not fit into the memory"])
    let limited = try train(machine(), ["--device", "cuda", "--precision", "fp32", "--memory-limit", "0.0001"])
    expectRefusal(limited, ["the run does not fit into the memory"])
  }

  @Test(
    "a card that is lost in a run ends it with its error; the last checkpoint stands, and the run goes on elsewhere")
  func lost() throws {
    let options = ["--precision", "fp32", "--save-every-n-steps", "1"]
    let checkpoint = run.file("checkpoints/step-1")
    // At which launch it is lost depends on the kernels; the second or third step is looked for.
    var launch = 50, result: ProgramRun
    repeat {
      try? FileManager.default.removeItem(atPath: run.path)
      launch *= 2
      result = try train(machine(["CARINA_EMULATION_FAULT": "\(launch)"]), options + ["--device", "cuda"])
    } while result.exitCode == 70 && !FileManager.default.fileExists(atPath: checkpoint) && launch < 20_000
    #expect(result.exitCode == 70, "\(launch): \(result.errors)")
    #expect(
      result.errors.contains("the GPU failed with CUDA_ERROR_ILLEGAL_ADDRESS, noticed at ")
        && result.errors.contains("the same command goes on from a training run's last checkpoint"), "\(result.errors)")
    #expect(!run.has("final_model") && FileManager.default.fileExists(atPath: checkpoint))
    #expect(try run.unfinished().isEmpty)
    let record = try JSONValue.parseFile(run.file("run.json"))
    #expect(record["environment"]?["device"]?.string?.hasPrefix("cuda:0 Emulated GPU") == true)
    let resumed = try train([:], options)
    #expect(resumed.exitCode == 0, "\(resumed.errors)")
    #expect(
      resumed.errors.contains("note: the run goes on on the processor; so far it was computed on cuda:0 Emulated GPU"),
      "\(resumed.errors)")
    #expect(try run.steps().count == 3 && run.has("final_model"))
  }
}
