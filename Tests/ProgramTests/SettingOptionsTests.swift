import Carina
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
        for (stage, options) in stages.enumerated() where stage > 0 || declaration.section == .common {
          #expect(options.contains(option), "train-stage\(stage) has no \(option)")
        }
      }
      check(setting)
    }
    let shards = try Self.options("preprocess", ["shards"])
    for name in SettingValues<PreprocessSettingList>().texts.map(\.name) {
      #expect(shards.contains(Self.option(name.key)), "\(name)")
    }
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
      .memoryLimit, .precision, .visionFeatureCache, .arms,
    ]
    for name in names { #expect(all.contains(Self.option(name.key)), "\(name)") }
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
