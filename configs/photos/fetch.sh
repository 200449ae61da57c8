#!/bin/sh
# Puts 23 photographs into the folder that is named: sh configs/photos/fetch.sh photos
# They are desktop backgrounds, about 1,300 to 2,560 px wide, of two Debian packages, both GPL-2+: mate-backgrounds
# (its folder nature; each photographer is named in usr/share/doc/mate-backgrounds/copyright) and
# plasma-workspace-wallpapers (KDE Visual Design Group). Debian's gnome-backgrounds holds drawings alone. Needs apt and
# dpkg, root for neither; 130 MB are fetched, and nothing is installed.
set -eu
[ $# = 1 ] || { echo "usage: fetch.sh FOLDER" >&2; exit 2; }
mkdir -p "$1"
folder=$(cd "$1" && pwd)
packages=$(mktemp -d)
trap 'rm -rf "$packages"' EXIT
chmod 755 "$packages"
cd "$packages"
apt-get download mate-backgrounds plasma-workspace-wallpapers
for package in *.deb; do dpkg-deb -x "$package" .; done
cp usr/share/backgrounds/mate/nature/*.jpg "$folder"
for name in BytheWater ColdRipple ColorfulCups DarkestHour EveningGlow FallenLeaf Grey Kite OneStandsOut Path summer_1am; do
  cp "usr/share/wallpapers/$name/contents/images/2560x1600.jpg" "$folder/$name.jpg"
done
cp usr/share/doc/mate-backgrounds/copyright "$folder/copyright.mate-backgrounds"
cp usr/share/doc/plasma-workspace-wallpapers/copyright "$folder/copyright.plasma-workspace-wallpapers"
