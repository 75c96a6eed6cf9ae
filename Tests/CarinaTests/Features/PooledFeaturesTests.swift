import Foundation
import TestSupport
import Testing

import Carina

/// Vision features of the joined Gemma 3, which are kept after the projector's averages.
@Suite("Kept features, pooled") struct PooledFeaturesTests {
  private let directory: TemporaryDirectory
  private let checkpoint: String

  init() throws {
    directory = try TemporaryDirectory()
    checkpoint = try ParityGolden.path("gemma3/infer")
  }

  private var path: String { directory.file("features.h5") }

  private func rows(_ precision: ElementType, kept: Bool) throws -> (rows: Tensor, cache: FeatureCache?) {
    let answering = try AnsweringModel.load(checkpoint: checkpoint, precision: precision)
    let cache = kept ? try answering.featureCache(path) : nil
    let session = try AnswerSession(answering, options: GenerationOptions(), features: cache)
    let pixels = try answering.transform.pixels(ofFileAt: checkpoint + "/image.png")
    return (try session.imageRows(of: [pixels, pixels]), cache)
  }

  @Test("the rows are those of the unkept path, to the rounding of the stored type; an image is there once")
  func rows() throws {
    for (precision, tolerance) in [(ElementType.float32, 0.0), (.bfloat16, 0x1p-6)] {
      let plain = try rows(precision, kept: false).rows
      let (first, cache) = try rows(precision, kept: true)
      let (second, again) = try rows(precision, kept: true)
      if tolerance == 0 { expectSameBits(first, plain) } else { expectClose(first, plain, relative: tolerance) }
      expectSameBits(second, first)
      let answering = try AnsweringModel.load(checkpoint: checkpoint, precision: precision)
      let image = try answering.transform.pixels(ofFileAt: checkpoint + "/image.png").digest
      let identity = try #require(cache?.identity)
      #expect(identity.rowCount == answering.model.rowsPerImage)
      #expect(identity.rowCount < answering.model.featuresPerImage)
      #expect(try again?.features(of: image)?.shape == [identity.rowCount, identity.width])
      try FileManager.default.removeItem(atPath: path)
    }
  }

  @Test("kept rows are read, not computed again")
  func read() throws {
    let (rows, cache) = try rows(.float32, kept: true)
    let identity = try #require(cache?.identity)
    let answering = try AnsweringModel.load(checkpoint: checkpoint, precision: .float32)
    let image = try answering.transform.pixels(ofFileAt: checkpoint + "/image.png").digest
    try FileManager.default.removeItem(atPath: path)
    let forged = try FeatureCache(path, identity: identity, imageCount: 1)
    try forged.keep(Tensor.random([identity.rowCount, identity.width], seed: 3), of: image)
    let session = try AnswerSession(answering, options: GenerationOptions(), features: forged)
    let pixels = try answering.transform.pixels(ofFileAt: checkpoint + "/image.png")
    #expect(try session.imageRows(of: [pixels]).values != rows.rowSlice(0..<answering.model.rowsPerImage).values)
  }

  @Test("a file of features that were not pooled is refused")
  func refused() throws {
    let answering = try AnsweringModel.load(checkpoint: checkpoint, precision: .float32)
    let own = try answering.featureCache(path).identity
    try FileManager.default.removeItem(atPath: path)
    let older = FeatureIdentity(
      weights: own.weights, encoder: own.encoder.replacingOccurrences(of: ", \"pooled_to\": 2", with: ""),
      transform: own.transform, elementType: own.elementType, rowCount: answering.model.featuresPerImage,
      width: own.width)
    #expect(older.encoder != own.encoder, "\(own.encoder)")
    _ = try FeatureCache(path, identity: older, imageCount: 1)
    let error = thrownCarinaError { try answering.featureCache(path) }
    #expect(error?.kind == .badData && error?.what.contains("another of its outputs") == true)
  }

  @Test("the digest is that of the tower's own tensors, whatever lies beside it")
  func digest() throws {
    let whole = ModelDirectory(path: checkpoint)
    let own = try whole.weights().contentHash(of: whole.visionReading().format)
    #expect(try own != whole.weights().contentHash())
    // The same file with one weight of the decoder changed, then one of the tower.
    let copy = directory.file("copy")
    try FileManager.default.copyItem(atPath: checkpoint, toPath: copy)
    let names = try whole.weights().names
    for (part, isSame) in [("language_model", true), ("vision", false)] {
      let name = try #require(names.first { $0.contains(part) && $0.contains("layers.0") })
      let (file, entry) = try #require(try ModelDirectory(path: copy).weights().find(name))
      var data = try Data(contentsOf: URL(fileURLWithPath: file.path))
      data[entry.byteRange.lowerBound] ^= 1
      try data.write(to: URL(fileURLWithPath: file.path))
      let changed = ModelDirectory(path: copy)
      #expect((try changed.weights().contentHash(of: changed.visionReading().format) == own) == isSame, "\(name)")
    }
  }
}
