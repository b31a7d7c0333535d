"""Garments of a photo with their attributes, from exported networks, without torch; onnx_photo.py is the short one.

needs: pip install onnxruntime numpy pillow
usage: python onnx_garments.py PHOTO FILE.onnx OUT.png     (with attributes where FILE.attributes.onnx lies beside it)
"""

import json
import sys
from pathlib import Path

import numpy as np
import onnxruntime
from PIL import Image, ImageOps


def load(path):
    network = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    return network, json.loads(network.get_modelmeta().custom_metadata_map["imatfashion"])


photo_file, classes_file, out_file = sys.argv[1:]
network, meta = load(classes_file)
photo = ImageOps.exif_transpose(Image.open(photo_file)).convert("RGB")
if meta["resize"] == "pad":  # otherwise the photo is squashed to the size
    photo = ImageOps.pad(photo, (max(photo.size),) * 2, color=(meta["padding"],) * 3)
image = np.asarray(photo.resize(meta["size"][::-1], Image.Resampling.BOX))
labels = network.run(None, {"image": image[None]})[0][0].argmax(1)  # (layers, rows, columns), of one photo
kinds = sorted((layer, kind) for kind, layer in enumerate(meta["layer_of_class"]))  # parts last, over their garments
found = [(kind, labels[layer] == kind) for layer, kind in kinds]
found = [(kind, mask) for kind, mask in found if mask.mean() >= 0.0005]  # without specks
lines = [f"{meta['class_names'][kind]} ({mask.mean():.1%} of the picture)" for kind, mask in found]
second = Path(classes_file).with_suffix(".attributes.onnx")
if found and second.exists():  # both networks are taken to have the same `resize`
    network, meta2 = load(second)
    size = meta2["size"][::-1]
    inputs = {
        "image": np.asarray(photo.resize(size, Image.Resampling.BOX))[None],
        "masks": np.stack([Image.fromarray(mask).resize(size, Image.Resampling.NEAREST) for _, mask in found]),
        "garment_photo": np.zeros(len(found), dtype=np.int64),
        "garment_class": np.array([kind for kind, _ in found], dtype=np.int64),
    }
    has = network.run(None, inputs)[0] >= 0.5
    lines = [", ".join([line, *np.array(meta2["attribute_names"])[row]]) for line, row in zip(lines, has)]
print("\n".join(lines) or "no garment found")
painted = photo.copy()
for kind, mask in found:
    painted.paste(tuple(meta["colors"][kind]), mask=Image.fromarray(mask).resize(photo.size, Image.Resampling.NEAREST))
Image.blend(photo, painted, 0.6).save(out_file)
