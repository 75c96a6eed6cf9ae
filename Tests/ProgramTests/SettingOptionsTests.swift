import Carina
import Foundation
import TestSupport
import Testing

@Suite("Programs, options of settings") struct SettingOptionsTests {
  private static func options(_ program: String, _ command: [String] = []) throws -> Set<String> {
    let help = try ProgramRun(program, command + ["--help"]).output
    return Set(help.split { $0.isWhitespace || ",/[]()".contains($0) }.map(String.init).filter { $0.hasPrefix("--") })
  }

  private static func option(_ key: String) -> String { "--" + key.split(separator: "_").joined(separator: "-") }

  @Test("a declared setting is an option of its programs, without another word")
  func declared() throws {
    let stages = try ["train-stage0", "train-stage1", "train-stage2"].map { try Self.options($0) }
    for setting in TrainingSettings.declared {
      func check(_ setting: some DeclaredSetting) {
        let declaration = setting.declaration, key = declaration.name.key
        let option = declaration.defaultValue as? Bool == true ? Self.option("no_" + key) : Self.option(key)
        for (stage, options) in stages.enumerated() {
          #expect(options.contains(option), "train-stage\(stage) has no \(option)")
        }
      }
      check(setting)
    }
    func expect<List: SettingList>(_ list: List.Type, in options: Set<String>) {
      for name in SettingValues<List>().texts.map(\.name) {
        #expect(options.contains(Self.option(name.key)), "\(List.self) \(name)")
      }
    }
    let shards = try Self.options("preprocess", ["shards"])
    expect(PreprocessSettingList.self, in: shards)
    expect(ImageSettingList.self, in: shards)
    expect(SplitSettingList.self, in: shards)
    expect(ArchiveSettingList.self, in: shards)
    expect(PhantomSettingList.self, in: try Self.options("preprocess", ["phantom"]))
    expect(AuditSettingList.self, in: try Self.options("preprocess", ["audit"]))
    expect(GenerationSettingList.self, in: try Self.options("infer", ["answer"]))
    for options in stages {
      expect(ComputingSettingList.self, in: options)
      expect(AugmentationSettingList.self, in: options)
      expect(ValidationSettingList.self, in: options)
    }
    for options in stages.dropFirst() {
      expect(PromptSettingList.self, in: options)
      expect(FeatureSettingList.self, in: options)
      expect(ProjectorSettingList.self, in: options)
      expect(FrozenWeightsSettingList.self, in: options)
    }
    expect(LoraSettingList.self, in: stages[2])
    for name in SettingValues<BackboneSettingList>().texts.map(\.name) where name.key != "window" {
      #expect(stages[0].contains(Self.option(name.key)), "\(name)")
    }
  }

  @Test("whatever setting the engine names is an option of a program")
  func named() throws {
    let all = try Self.options("preprocess", ["shards"]).union(Self.options("train-stage2"))
      .union(Self.options("evaluate"))
    let names: [SettingName] = [
      .imageSize, .resizeFilter, .window, .imageRoot, .views, .augment, .splitBy, .fractions, .allowKnownLeak, .output,
      .part, .outputDirectory, .resume, .visionModel, .languageModel, .languageModelPath,
      .projectorPath, .unfreezeProjector, .unfreezeLanguageModel, .trainVisionFirstEpoch, .gradientCheckpointing,
      .memoryLimit, .precision, .device, .validationShards, .visionFeatureCache, .quantizedWeightsFile, .arms,
      AdapterChoice.setting, AdapterChoice.otherBase, .resumeAnyway, .configAnyway,
    ]
    for name in names { #expect(all.contains(Self.option(name.key)), "\(name)") }
  }

  @Test("no program writes the name of a declared setting once more")
  func onceOnly() throws {
    func names<List: SettingList>(_ list: List.Type) -> [String] { SettingValues<List>().texts.map(\.name.key) }
    let declared = Set(
      names(TrainingSettingList.self) + names(BackboneSettingList.self) + names(PreprocessSettingList.self)
        + names(ImageSettingList.self) + names(SplitSettingList.self) + names(ArchiveSettingList.self)
        + names(PhantomSettingList.self) + names(AuditSettingList.self) + names(GenerationSettingList.self)
        + names(PromptSettingList.self) + names(FeatureSettingList.self) + names(ComputingSettingList.self)
        + names(AugmentationSettingList.self) + names(EvaluatorSettingList.self) + names(ProjectorSettingList.self)
        + names(ValidationSettingList.self)
        + names(FrozenWeightsSettingList.self)
    )
    // The encoder that `preprocess` may ask for its image settings; elsewhere the name is that of a part of the model.
    .subtracting(["vision_model"])
    let sources = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent().appendingPathComponent("Sources")
    var written = 0
    for folder in [
      "CommandOptions", "preprocess", "infer", "evaluate", "train-stage0", "train-stage1", "train-stage2",
    ] {
      let directory = sources.appendingPathComponent(folder)
      for file in try FileManager.default.contentsOfDirectory(atPath: directory.path) where file.hasSuffix(".swift") {
        let text = try String(contentsOf: directory.appendingPathComponent(file), encoding: .utf8)
        // From an option's attribute to the name of its property.
        let pattern = /@(?:Option|Flag)\((?<text>[\s\S]*?)\bvar (?<name>\w+)/
        for match in text.matches(of: pattern) where !match.text.contains(/declared\./) {
          written += 1
          let own = match.text.firstMatch(of: /customLong\("(?<name>[a-z0-9-]+)"\)/).map { String($0.name) }
          let property = match.name.map { $0.isUppercase ? "_" + $0.lowercased() : String($0) }.joined()
          let name = own.map { $0.replacing("-", with: "_") } ?? property
          #expect(!declared.contains(name), "\(folder)/\(file) writes \(name)")
        }
      }
    }
    #expect(written > 20)
  }

  @Test("an error of the engine spells settings as options")
  func errors() throws {
    let run = try ProgramRun("evaluate", ["--checkpoint", "x", "--shards", "y", "--output-dir", "z", "--top-k", "5"])
    #expect(run.exitCode == 64)
    #expect(
      run.errors.contains(
        "error: --top-k cannot be used; expected sampling, found --temperature 0, which always takes the most probable "
          + "token. Add --temperature 1, or leave --top-k out."), "\(run.errors)")
  }
}
