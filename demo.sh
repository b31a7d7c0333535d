#!/bin/sh
# The whole road on a drawn data set: both stages, two resolutions, prediction, score, report.
# usage: demo.sh BIN_DIR DEMO_DIR
set -eu
bin=$1 demo=$2
rm -rf "$demo"
mkdir -p "$demo"
step() { printf '\n== %s\n' "$1"; }

step "1/7 draw a data set"
"$bin/imatfashion" sample "$demo/data" --photos 400
"$bin/imatfashion" index "$demo/data"
step "2/7 classes at 96 pixels"
"$bin/python" train.py experiment=demo_classes data.root="$demo/data" run_dir="$demo/classes-96"
step "3/7 classes at 128 pixels, from those weights"
"$bin/python" train.py experiment=demo_classes_large data.root="$demo/data" run_dir="$demo/classes-128" \
    init_from="$demo/classes-96/checkpoints/best.ckpt"
step "4/7 the classes it predicts on the training photos"
"$bin/python" predict.py classes_ckpt="$demo/classes-128/checkpoints/best.ckpt" images="$demo/data/train" \
    output="$demo/predicted.table"
step "5/7 attributes, trained on those"
"$bin/python" train.py experiment=demo_attributes data.root="$demo/data" run_dir="$demo/attributes" \
    data.classes_from="$demo/predicted.table" data.split_file="$demo/classes-128/split.json"
step "6/7 both on photos that neither has seen"
"$bin/python" predict.py classes_ckpt="$demo/classes-128/checkpoints/best.ckpt" \
    attributes_ckpt="$demo/attributes/checkpoints/best.ckpt" images="$demo/data/test" \
    output="$demo/submission.csv" overlays="$demo/overlays" min_area=200
step "7/7 score"
"$bin/imatfashion" score "$demo/data/test.csv" "$demo/submission.csv" --oracle

cat <<END

Everything lies in $demo/:
  classes-128/report.html   what the class segmenter learnt (open it in a browser)
  attributes/report.html    what the attribute classifier learnt
  submission.csv            a row per garment of the unseen photos
  overlays/                 those photos with their garments drawn over them

With your own data in the competition's layout (DATA/train, DATA/train.csv, DATA/label_descriptions.json):
  $bin/imatfashion index DATA
  $bin/python train.py data.root=DATA resolution=224
END
