import Foundation
import TestSupport
import Testing

import Carina

@Suite struct ModelLookupTests {
  private func cache(_ files: [String: String]) throws -> TemporaryDirectory {
    let directory = try TemporaryDirectory()
    for (name, text) in files {
      try AtomicFile.write(text, to: directory.file("hub/models--acme--tiny-vit/\(name)"))
    }
    return directory
  }

  @Test("an id is found in the Hugging Face cache, wherever the environment puts it")
  func found() throws {
    let home = try cache([
      "refs/main": "abc123\n", "snapshots/abc123/config.json": "{}", "snapshots/old/config.json": "",
    ])
    let expected = home.file("hub/models--acme--tiny-vit/snapshots/abc123")
    for environment in [
      ["HF_HOME": home.path], ["HF_HUB_CACHE": home.file("hub"), "HF_HOME": "/nowhere"],
      ["HF_HUB_CACHE": "", "HF_HOME": home.path, "HOME": "/nowhere"],
    ] {
      let model = try ModelDirectory.locate("acme/tiny-vit", for: .visionModel, environment: environment)
      #expect(model.path == expected)
      #expect(model.reference == "acme/tiny-vit")
    }
    let plain = try TemporaryDirectory()
    try AtomicFile.write(
      "{}", to: plain.file(".cache/huggingface/hub/models--bert/snapshots/f00/config.json"))
    let single = try ModelDirectory.locate("bert", for: .languageModel, environment: ["HOME": plain.path])
    #expect(single.path.hasSuffix("models--bert/snapshots/f00"))
  }

  @Test("a model is named by id, revision, hf:// or the address of its page")
  func references() throws {
    let commit = "0123456789abcdef0123456789abcdef01234567"
    let home = try cache([
      "refs/main": "abc123", "refs/v1.0": "def456\n", "refs/refs/pr/1": "bbb", "refs/a/branch": "ccc",
      "snapshots/abc123/config.json": "{}", "snapshots/def456/config.json": "{}", "snapshots/bbb/config.json": "{}",
      "snapshots/ccc/config.json": "{}", "snapshots/\(commit)/config.json": "{}",
    ])
    let environment = ["HF_HOME": home.path, "HF_ENDPOINT": "https://mirror.example/"]
    let id = "acme/tiny-vit", page = "https://huggingface.co/acme/tiny-vit"
    for (reference, snapshot) in [
      ("hf://\(id)", "abc123"), ("hf://models/\(id)", "abc123"), (page, "abc123"), (page + "/", "abc123"),
      ("http://huggingface.co/\(id)?library=transformers", "abc123"), ("huggingface.co/\(id)#usage", "abc123"),
      ("hf.co/\(id)", "abc123"), ("https://mirror.example/\(id)/tree/main", "abc123"),
      ("\(id)@main", "abc123"), ("\(id)@v1.0", "def456"), ("hf://\(id)@v1.0", "def456"),
      (page + "/tree/v1.0", "def456"), (page + "/tree/v1.0/", "def456"), ("\(id)@refs/pr/1", "bbb"),
      ("hf://\(id)@refs%2Fpr%2F1", "bbb"), (page + "/tree/refs%2Fpr%2F1", "bbb"), (page + "/tree/a%2Fbranch", "ccc"),
      ("\(id)@\(commit)", commit), (page + "/tree/\(commit)", commit), (page + "/commit/\(commit)", commit),
    ] {
      let model = try ModelDirectory.locate(reference, for: .visionModel, environment: environment)
      #expect(model.path == home.file("hub/models--acme--tiny-vit/snapshots/\(snapshot)"), "\(reference)")
      #expect(model.reference == reference)
    }
    for (reference, words) in [
      ("\(id)@v2", "the revision v2"), ("\(id)@../../..", "Check the path"), ("\(id)@", "Check the path"),
      (page + "/tree/main/onnx", "no model's"), (page + "/blob/main/config.json", "no model's"),
      ("https://huggingface.co/datasets/acme/tiny-vit", "no model's"),
      ("https://example.org/acme/tiny-vit", "no model's"),
      ("hf://datasets/acme/tiny-vit", "no model's"), ("hf://\(id)/config.json", "no model's"),
    ] {
      let error = try #require(
        thrownCarinaError { try ModelDirectory.locate(reference, for: .visionModel, environment: environment) },
        "\(reference)")
      #expect(error.kind == .missingInput && error.description.contains(words), "\(error)")
    }
  }

  @Test("the cache is looked for where huggingface_hub looks, in its order")
  func cacheOrder() throws {
    let order: [([String: String], String)] = [
      (["HF_HUB_CACHE": "/a", "HUGGINGFACE_HUB_CACHE": "/b", "HF_HOME": "/c"], "/a"),
      (["HUGGINGFACE_HUB_CACHE": "/b", "HF_HOME": "/c", "XDG_CACHE_HOME": "/d"], "/b"),
      (["HF_HOME": "/c", "XDG_CACHE_HOME": "/d", "HOME": "/e"], "/c/hub"),
      (["XDG_CACHE_HOME": "/d", "HOME": "/e"], "/d/huggingface/hub"), (["HOME": "/e"], "/e/.cache/huggingface/hub"),
      (["HF_HOME": "~/models", "HOME": "/e"], "/e/models/hub"),
      (["HF_HUB_CACHE": "$SCRATCH/${NAME}/hub", "SCRATCH": "/s", "NAME": "n"], "/s/n/hub"),
    ]
    for (environment, path) in order { #expect(HuggingFaceCache(environment: environment)?.path == path) }
    #expect(HuggingFaceCache(environment: [:]) == nil)
  }

  @Test("a directory comes before the cache")
  func path() throws {
    let directory = try TemporaryDirectory()
    #expect(try ModelDirectory.locate(directory.path, for: .languageModel, environment: [:]).path == directory.path)
    try AtomicFile.write("", to: directory.file("config.json"))
    let error = try #require(
      thrownCarinaError {
        try ModelDirectory.locate(directory.file("config.json"), for: .languageModel, environment: [:])
      })
    #expect(error.kind == .missingInput)
    #expect(error.what.contains("llm"))
  }

  @Test("what is not there is told with the paths looked at")
  func absent() throws {
    let home = try cache(["refs/main": "abc123", "snapshots/other/config.json": "{}"])
    let environment = ["HF_HOME": home.path]
    let partial = try #require(
      thrownCarinaError { try ModelDirectory.locate("acme/tiny-vit", for: .languageModel, environment: environment) })
    #expect(partial.kind == .missingInput)
    #expect(partial.expected == "snapshots/abc123")
    #expect(partial.found == "other")
    let unknown = try #require(
      thrownCarinaError { try ModelDirectory.locate("acme/large", for: .languageModel, environment: environment) })
    #expect(unknown.expected == home.file("hub/models--acme--large"))
    #expect(unknown.what.contains("llm"))
    for reference in ["/no/such/place", "../up", "a/b/c", "acme/.."] {
      let error = try #require(
        thrownCarinaError { try ModelDirectory.locate(reference, for: .languageModel, environment: environment) })
      #expect(error.kind == .missingInput)
      #expect(error.location == reference)
    }
  }

  @Test("a branch that leaves the cache is not followed")
  func escape() throws {
    let home = try cache(["refs/main": "../../..", "snapshots/abc/config.json": "{}"])
    #expect(
      thrownCarinaError {
        try ModelDirectory.locate("acme/tiny-vit", for: .languageModel, environment: ["HF_HOME": home.path])
      }?
      .kind == .missingInput)
  }

  @Test("a directory without a configuration, and one that is a joined model")
  func noConfiguration() throws {
    let directory = try TemporaryDirectory()
    try AtomicFile.write("x", to: directory.file("notes.txt"))
    let model = ModelDirectory(path: directory.path)
    let error = try #require(thrownCarinaError { try model.loadDecoder(precision: .float32) })
    #expect(error.kind == .missingInput)
    #expect(error.found == "notes.txt")
    try AtomicFile.write("{}", to: directory.file("language_model/config.json"))
    let joined = try #require(thrownCarinaError { try model.loadDecoder(precision: .float32) })
    #expect(joined.remedy?.contains("language_model") == true)
    try AtomicFile.write("{\"model_type\": \"gemma3_text\"", to: directory.file("config.json"))
    #expect(thrownCarinaError { try model.loadDecoder(precision: .float32) }?.kind == .badData)
    try AtomicFile.write("{\"model_type\": \"gemma3_text\"}", to: directory.file("config.json"))
    #expect(thrownCarinaError { try model.loadDecoder(precision: .float32) }?.kind == .missingInput)
  }
}
