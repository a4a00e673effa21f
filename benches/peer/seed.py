"""Makes users 1 to COUNT with one password, and prints an access and a refresh token for each: seed.py COUNT PASSWORD."""

import sys

import django

django.setup()

from django.contrib.auth.hashers import make_password
from django.contrib.auth.models import User
from rest_framework_simplejwt.tokens import RefreshToken

count, password = int(sys.argv[1]), make_password(sys.argv[2])
User.objects.bulk_create(
    User(username=f"user{number}", email=f"user{number}@example.org", password=password)
    for number in range(1, count + 1)
)
for user in User.objects.order_by("pk"):
    refresh = RefreshToken.for_user(user)
    print(refresh.access_token, refresh)
