"""What is worn on a photo, by an exported segmenter, without torch: `pip install onnxruntime numpy pillow`.

usage: python onnx_photo.py PHOTO FILE.onnx OUT.png
"""

import json
import sys

import numpy as np
import onnxruntime
from PIL import Image, ImageOps

photo = ImageOps.exif_transpose(Image.open(sys.argv[1])).convert("RGB")
network = onnxruntime.InferenceSession(sys.argv[2], providers=["CPUExecutionProvider"])
meta = json.loads(network.get_modelmeta().custom_metadata_map["imatfashion"])
if meta["resize"] == "pad":  # otherwise the photo is squashed to the size
    photo = ImageOps.pad(photo, (max(photo.size),) * 2, color=(meta["padding"],) * 3)
image = np.asarray(photo.resize(meta["size"][::-1], Image.Resampling.BOX))
labels = network.run(None, {"image": image[None]})[0][0].argmax(1)  # (layers, rows, columns), of one photo
painted = photo.copy()
for layer, kind in sorted((layer, kind) for kind, layer in enumerate(meta["layer_of_class"])):  # parts last
    mask = labels[layer] == kind
    if mask.mean() >= 0.0005:  # without specks
        print(f"{meta['class_names'][kind]} ({mask.mean():.1%} of the picture)")
        enlarged = Image.fromarray(mask).resize(photo.size, Image.Resampling.NEAREST)
        painted.paste(tuple(meta["colors"][kind]), mask=enlarged)
Image.blend(photo, painted, 0.6).save(sys.argv[3])
