import Carina
import TestSupport
import Testing

@Suite("Settings") struct SettingTests {
  private struct List: SettingList {
    static let declared = List()
    let count = Setting("count", 2, .atLeast(1), help: "How many.")
    let limit = Setting<Int?>("limit", nil, .optional(.within(1...9)), help: "At most.")
    let rate = Setting("rate", 0.5, .part, help: "How fast.", record: .never)
    let softness = Setting("softness", 0.0, .notNegative, help: "How soft.", record: .unlessDefault)
    let seed = Setting<UInt64>("seed", .max, help: "Seed.", recordKey: "first_seed")
  }

  @Test("values are those of the declarations until they are set")
  func values() {
    var values = SettingValues<List>(), same = SettingValues<List>()
    #expect(values.count == 2 && values.limit == nil && values.seed == .max)
    values.count = 3
    values.limit = 4
    #expect(values.count == 3 && values.limit == 4 && values != same)
    values.limit = nil
    same.count = 3
    #expect(values == same)
    #expect(values.texts.map(\.name.key) == ["count", "limit", "rate", "softness", "seed"])
    #expect(values.texts.map(\.value) == ["3", "none", "0.5", "0.0", "18446744073709551615"])
  }

  @Test("a refusal names the setting, what it may be and what it is")
  func refusals() throws {
    func refused(_ change: (inout SettingValues<List>) -> Void) -> String? {
      var values = SettingValues<List>()
      change(&values)
      do { try values.validate() } catch { return "\(error)" }
      return nil
    }
    #expect(refused { _ in } == nil)
    #expect(refused { $0.count = 0 } == "count cannot be used; expected at least 1, found 0.")
    #expect(refused { $0.limit = 10 } == "limit cannot be used; expected 1 to 9, found 10.")
    #expect(refused { $0.rate = 1.5 } == "rate cannot be used; expected a number from 0 to 1, found 1.5.")
    #expect(refused { $0.softness = .nan } != nil)
  }

  @Test("a record has what decides numbers, and nothing of a setting that is off")
  func record() throws {
    func text(_ values: SettingValues<List>) throws -> String {
      try JSONValue.object(values.json).serialized(sortedKeys: true, indented: false)
    }
    var values = SettingValues<List>()
    #expect(try text(values) == #"{"count": 2, "first_seed": "18446744073709551615", "limit": null}"#)
    values.softness = 0.25
    #expect(try text(values).hasSuffix(#", "softness": 0.25}"#))
  }

  @Test("the configuration of a run is written as it always was, so that runs recorded before are resumed")
  func configuration() throws {
    #expect(
      try JSONValue.object(TrainingSettings.stage2.json).serialized(sortedKeys: true, indented: false)
        == #"{"batch_size": 1, "gradient_accumulation_steps": 8, "learning_rate": 2e-05, "max_grad_norm": 1.0, "max_steps": null, "#
        + #""num_epochs": 5, "seed": "0", "shuffle": true, "warmup_ratio": 0.05, "weight_decay": 0.01}"#)
    #expect(
      try JSONValue.object(PromptSettings().json).serialized(sortedKeys: true, indented: false)
        == #"{"max_a_len": 512, "max_q_len": 128, "prompt_style": "gemma"}"#)
    #expect(
      try JSONValue.object(FeatureSettings().json).serialized(sortedKeys: true, indented: false)
        == #"{"drop_first_patch": false, "feature": "post-norm"}"#)
  }

  @Test(
    "precision and augmentation are recorded by their declarations, at the top of a run's record, as they always were")
  func topOfTheRecord() throws {
    func text<List: SettingList>(_ values: SettingValues<List>) throws -> String {
      try JSONValue.object(values.json).serialized(sortedKeys: true, indented: false)
    }
    var computing = SettingValues<ComputingSettingList>()
    computing.precision = .fp32
    computing.memoryLimit = 4
    computing.gradientCheckpointing = true
    #expect(try text(computing) == #"{"precision": "float32"}"#)
    computing.precision = .bf16
    #expect(try text(computing) == #"{"precision": "bfloat16"}"#)
    computing.memoryLimit = 0
    #expect(
      thrownCarinaError { try computing.validate() }?.description
        == "memory_limit cannot be used; expected a number of GiB above 0, found 0.0.")
    var images = SettingValues<AugmentationSettingList>()
    #expect(try text(images) == "{}")
    images.augment = try ImageAugmentation(notation: "shift:0,contrast:0")
    #expect(try text(images) == "{}")
    images.augment = try ImageAugmentation(notation: "contrast:0.2,shift:0.05")
    #expect(try text(images) == #"{"augment": "shift:0.05,contrast:0.2"}"#)
    #expect(images.texts.map(\.value) == ["shift:0.05,contrast:0.2"])
  }

  @Test("a program words a setting anew, which stays the same setting")
  func worded() throws {
    let own = List.declared.count.worded("How many here.", defaultValue: 5)
    #expect(own.help == "How many here." && own.defaultValue == 5 && own.name.key == "count")
    #expect(
      thrownCarinaError { try own.check(0) }?.description == "count cannot be used; expected at least 1, found 0.")
    #expect(List.declared.count.worded("Same.").defaultValue == 2)
  }

  @Test("a text names settings by their keys, and says of a switch that it is off")
  func spelling() {
    #expect("Lower \(setting: TrainingSettings.name(\.learningRate))." == "Lower learning_rate.")
    #expect("\(setting: SettingName("unfreeze_llm").off)" == "unfreeze_llm off")
  }
}
