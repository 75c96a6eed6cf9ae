import CarinaModel
import CarinaText

extension ImageTextSequence {
  /// A rendered prompt with its image.
  public init(_ prompt: RenderedPrompt, image: Int?) {
    self.init(
      tokensBefore: prompt.tokensBeforeImage, image: image, tokensAfter: prompt.tokensAfterImage,
      supervised: prompt.supervised)
  }
}
