import CarinaModel
import CarinaText

extension ImageTextSequence {
  /// A rendered prompt with its image.
  public init(_ prompt: RenderedPrompt, image: Int?) {
    self.init(prompt, images: image.map { [$0] } ?? [])
  }

  /// A rendered prompt with its images, as many as it has room for.
  package init(_ prompt: RenderedPrompt, images: [Int]) {
    self.init(
      tokensBefore: prompt.tokensBeforeImage, images: images, tokensBetween: prompt.tokensBetweenImages,
      tokensAfter: prompt.tokensAfterImage, supervised: prompt.supervised, supervisedBefore: prompt.supervisedBefore,
      supervisedBetween: prompt.supervisedBetween)
  }
}
