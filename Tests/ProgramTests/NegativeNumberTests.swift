import Carina
import TestSupport
import Testing

@Suite("Programs, numbers below zero") struct NegativeNumberTests {
  /// The numeric options of a list.
  private static func numbers<List: SettingList>(_ list: List.Type) -> [String] {
    SettingValues<List>.declared.compactMap { setting in
      func isNumber<Declared: DeclaredSetting>(_ setting: Declared) -> Bool {
        [Int.self, Int?.self, Double.self, Double?.self, UInt64.self].contains { $0 == Declared.Value.self }
      }
      return isNumber(setting) ? "--" + "\(name(setting))".replacing("_", with: "-") : nil
    }
  }

  private static func name(_ setting: some DeclaredSetting) -> String { setting.declaration.name.key }

  @Test(
    "after a space a number below zero is what it is after an equals sign",
    arguments: [
      (
        ["train-stage0", "--train-shards", "x", "--output-dir", "y"], numbers(BackboneSettingList.self) + ["--threads"]
      ),
      (
        ["train-stage1", "--train-shards", "x", "--vision-model", "x", "--llm", "x", "--output-dir", "y"],
        numbers(TrainingSettingList.self) + numbers(PromptSettingList.self) + numbers(ComputingSettingList.self)
          + ["--projector-hidden"]
      ),
      (["infer", "--checkpoint", "x", "--image-path", "y"], numbers(GenerationSettingList.self) + ["--batch-size"]),
      (
        ["evaluate", "--checkpoint", "x", "--shards", "x", "--output-dir", "y"],
        numbers(EvaluatorSettingList.self) + numbers(GenerationSettingList.self)
      ),
      (
        ["preprocess", "--json", "x", "--image-root", "x", "--output", "y"],
        numbers(PreprocessSettingList.self) + numbers(ImageSettingList.self) + numbers(SplitSettingList.self)
      ),
      (["preprocess", "phantom", "--output", "y"], numbers(PhantomSettingList.self)),
      (["preprocess", "audit", "x"], numbers(AuditSettingList.self)),
    ])
  func everyOption(command: [String], options: [String]) throws {
    #expect(!options.isEmpty)
    for (index, option) in options.enumerated() where option != "--window" {
      let number = ["-1", "-.5", "-1e-3", "-2.5"][index % 4]
      let apart = try ProgramRun(command[0], command.dropFirst() + [option, number])
      let joined = try ProgramRun(command[0], command.dropFirst() + ["\(option)=\(number)"])
      #expect(apart.exitCode == joined.exitCode && apart.errors == joined.errors, "\(apart.errors)\n\(joined.errors)")
      for words in ["Missing value", "Unknown option"] {
        #expect(!apart.errors.contains(words), "\(command[0]) \(option) \(number): \(apart.errors)")
      }
    }
  }
}
