import Foundation
import TestSupport
import Testing

import Carina

/// Joined Gemma 3 checkpoints in every layout in which they are found.
@Suite("Joined Gemma 3, layouts of names") struct JoinedGemma3LayoutTests {
  private let files = JoinedGemma3Files()

  private func digests(_ directory: ModelDirectory) throws -> [ParameterDigest] {
    let pipeline = try PipelineParts(joined: directory).join(precision: .float32, on: TestBackend.chosen)
    let model = pipeline.model
    return [model.vision.parameters, model.projector.parameters, model.decoder.parameters].map(ParameterDigest.init)
  }

  @Test(
    "hub, memory and save_pretrained; one file and shards; tied, with a saved copy of the table and with a head of its own",
    arguments: JoinedGemma3Files.Names.allCases, [1, 3])
  func names(names: JoinedGemma3Files.Names, shards: Int) throws {
    for golden in ["infer", "own-head"] {
      let plain = try digests(try JoinedGemma3Files.golden(golden))
      for savesHead in [false, true] where !savesHead || golden == "infer" {
        let model = try files.changed(golden, shards: shards) { all in
          if savesHead {
            let table = try #require(all.first { $0.name.hasSuffix("embed_tokens.weight") }).tensor
            all.append(("language_model.lm_head.weight", table))
          }
          all = all.map { (JoinedGemma3Files.name($0.name, as: names), $0.tensor) }
        }
        #expect(try digests(model) == plain, "\(golden), \(names), \(shards) files, head saved: \(savesHead)")
      }
    }
  }

  @Test("a saved head with other numbers is used, though config.json ties it")
  func otherHead() throws {
    let model = try files.changed("infer") { all in
      let table = try #require(all.first { $0.name.hasSuffix("embed_tokens.weight") }).tensor
      all.append(("lm_head.weight", Tensor(table.values.map { -$0 }, shape: table.shape)))
    }
    let part = try model.loadDecoder(precision: .float32)
    #expect(part.model.config.hasOwnHead && part.remarks.contains { $0.contains("other numbers; they are used") })
    #expect(part.model.head.value.values == part.model.tokenEmbedding.value.values.map { -$0 })
  }

  @Test(
    "what wrappers leave before all names is taken off, singly and stacked, and said",
    arguments: [
      "base_model.model.", "module.", "_orig_mod.", "module._orig_mod.", "_orig_mod.module.base_model.model.",
    ]
  )
  func wrappers(prefix: String) throws {
    let plain = try digests(try JoinedGemma3Files.golden("infer"))
    for names in JoinedGemma3Files.Names.allCases {
      let model = try files.changed("infer", shards: names == .hub ? 2 : 1) { all in
        all = all.map { (prefix + JoinedGemma3Files.name($0.name, as: names), $0.tensor) }
      }
      #expect(try digests(model) == plain, "\(names)")
      let part = try model.loadDecoder(precision: .float32)
      #expect(part.remarks.contains { $0.contains("took \(prefix) off all names") }, "\(part.remarks)")
      let footprint = try model.decoderFootprint(precision: .float32)
      #expect(footprint == (try JoinedGemma3Files.golden("infer").decoderFootprint(precision: .float32)))
      #expect(try model.projectorFootprint(precision: .float32).mapped > 0)
      #expect(try model.visionFootprint(precision: .float32).mapped > 0)
    }
  }

  @Test("a prefix before some names only, one too many and one that no wrapper leaves are no wrapper's")
  func otherPrefixes() throws {
    for prefix in ["student.", "module.module.module.module."] {
      let model = try files.changed { $0 = $0.map { (prefix + $0.name, $0.tensor) } }
      let error = try #require(thrownCarinaError { try PipelineParts(joined: model) })
      #expect(error.kind == .badData && error.what.contains("missing"), "\(error)")
    }
    let some = try files.changed { all in
      all = all.enumerated().map {
        ($0.offset % 2 == 0 ? "module." + $0.element.name : $0.element.name, $0.element.tensor)
      }
    }
    #expect(thrownCarinaError { try PipelineParts(joined: some) }?.kind == .badData)
  }

  @Test("an unmerged adapter behind the same prefixes stays refused, with what to do")
  func adapters() throws {
    for mark in [".base_layer.weight", ".lora_A.default.weight"] {
      let model = try files.changed { all in
        all = all.map { name, tensor in
          let wrapped = "base_model.model." + name
          return (
            name.contains("q_proj") ? wrapped.replacingOccurrences(of: ".weight", with: mark) : wrapped, tensor
          )
        }
      }
      let error = try #require(thrownCarinaError { try PipelineParts(joined: model) })
      #expect(error.kind == .badData && error.remedy?.contains("merge") == true, "\(error)")
    }
  }

  @Test("the directory, its id in the cache and a projector named by either are the same model")
  func identifiers() throws {
    let cache = try TemporaryDirectory(), snapshot = cache.file("hub/models--acme--seer/snapshots/0123456789")
    try FileManager.default.createDirectory(
      atPath: cache.file("hub/models--acme--seer/snapshots"), withIntermediateDirectories: true)
    try FileManager.default.copyItem(atPath: JoinedGemma3Files.golden("infer").path, toPath: snapshot)
    let environment = ["HF_HUB_CACHE": cache.file("hub")]
    let found = try CheckpointParts("acme/seer", environment: environment)
    #expect(found.promptStyle == .gemma3 && found.manifest == nil && found.parts.isOneDirectory)
    #expect(found.parts.language.path == snapshot)
    let missing = try #require(thrownCarinaError { try CheckpointParts("acme/nobody", environment: environment) })
    #expect(missing.kind == .missingInput && missing.what.contains("Hugging Face cache"), "\(missing)")
    let projector = try ModelDirectory.projector("acme/seer", environment: environment)
    #expect(try projector.projectorConfig().pooling?.tokenCount == 4)
  }
}
