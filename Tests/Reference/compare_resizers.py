"""Says by how much Pillow's bilinear resize, which Carina follows (transformers' Gemma3ImageProcessorPil), and torch's antialiased one, which torchvision
calls for the default image processor of transformers 5, differ on radiographs. usage: compare_resizers.py SIZE IMAGE...   needs: pip install torch pillow numpy"""
import sys, numpy, torch
from PIL import Image

size, mean, largest, apart, count = int(sys.argv[1]), 0.0, 0, 0, 0
for path in sys.argv[2:]:
    image = Image.open(path).convert("RGB")
    one = numpy.asarray(image.resize((size, size), Image.BILINEAR)).astype(int)
    pixels = torch.from_numpy(numpy.array(image)).permute(2, 0, 1)[None]
    other = torch.nn.functional.interpolate(pixels, (size, size), mode="bilinear", antialias=True)[0].permute(1, 2, 0).numpy().astype(int)
    difference = abs(one - other)
    mean += difference.mean(); largest = max(largest, difference.max()); apart += (difference > 0).mean(); count += 1
print(f"{count} images to {size} pixels: {mean / count:.4f} grey levels on average, {largest} at most, {100 * apart / count:.2f}% of the values differ")
